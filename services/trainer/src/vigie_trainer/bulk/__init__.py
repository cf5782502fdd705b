"""Scoring files of any size: what is asked, the engines that do it, and the formats they read and write."""
