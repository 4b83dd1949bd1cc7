"""The Grafana dashboards as code: `python -m deploy.grafana deploy/grafana/dashboards` writes them."""
