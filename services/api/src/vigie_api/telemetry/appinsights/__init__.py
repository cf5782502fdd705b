"""Application Insights: what is sent (items), when (sink, sampling, measures), and how (courier and one exporter)."""
