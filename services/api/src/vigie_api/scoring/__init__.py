"""POST /v1/score: streams of any length, judged by processes of their own."""
