"""Kubernetes: a kustomize base and overlays, see README.md."""
