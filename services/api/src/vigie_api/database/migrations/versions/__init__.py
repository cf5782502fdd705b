"""Migrations, oldest first. They add; they never rename, narrow or drop."""
