"""Pages of the application, for a gateway to serve."""
