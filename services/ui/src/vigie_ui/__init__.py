"""The web page of Vigie: it talks to the API over HTTP and to nothing else."""
