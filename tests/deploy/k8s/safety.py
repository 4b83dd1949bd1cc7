"""What is wrong with what a pod may do and take."""

from collections.abc import Iterator

from tests.deploy.k8s.objects import Process, of_kind, processes, title

CONTAINER = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
USER = 10001  # of the Dockerfile


def restrictions(objects: list[dict]) -> Iterator[str]:
    """Pods that are not held to the restricted level, or hold a token of Kubernetes."""
    for pod in processes(objects):
        context = pod.spec.get("securityContext", {})
        if not (context.get("runAsNonRoot") and context.get("runAsUser") == USER):
            yield f"{pod.name} may run as root: {context}"
        if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{pod.name} has no seccomp profile"
        if pod.container.get("securityContext") != CONTAINER:
            yield f"{pod.name}: {pod.container.get('securityContext')}"
        if pod.spec.get("automountServiceAccountToken") is not False:
            yield f"{pod.name} holds a token of Kubernetes"
        yield from _host(pod)
    for account in of_kind(objects, "ServiceAccount"):
        if account["automountServiceAccountToken"] is not False:
            yield f"{title(account)} gives tokens"
    for space in of_kind(objects, "Namespace"):
        if space["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{title(space)} is not restricted"


def _host(pod: Process) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(name):
            yield f"{pod.name} has {name}"
    for volume in pod.spec.get("volumes", ()):
        if not {"secret", "emptyDir", "configMap"} & volume.keys():
            yield f"{pod.name} mounts {volume}"


def resources(objects: list[dict]) -> Iterator[str]:
    """Containers without requests or limits."""
    for pod in processes(objects):
        given = pod.container.get("resources", {})
        for kind in ("requests", "limits"):
            if not {"cpu", "memory"} <= given.get(kind, {}).keys():
                yield f"{pod.name} has no {kind} of cpu and memory"


def spread(objects: list[dict]) -> Iterator[str]:
    """Deployments that may all run on one node, or that a drain may stop altogether."""
    budgets = {b["metadata"]["name"]: b["spec"] for b in of_kind(objects, "PodDisruptionBudget")}
    for pod in processes(objects):
        if pod.kind != "Deployment":
            continue
        keys = {c["topologyKey"] for c in pod.spec.get("topologySpreadConstraints", ())}
        if keys != {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}:
            yield f"{pod.name} is spread over {sorted(keys)}"
        budget = budgets.get(pod.name, {})
        if pod.component != "audit" and budget.get("maxUnavailable") != 1:
            yield f"{pod.name} has no budget"
        # With Kafka away none is ready, and Kubernetes would evict none of them.
        if budget and budget.get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            yield f"{pod.name} cannot be drained while it is not ready"


def images(objects: list[dict]) -> Iterator[str]:
    """Pods that run something else than the one image, or an image that may change."""
    for pod in processes(objects):
        image = pod.container["image"]
        if not image.startswith(("tanzhang:", "tanzhang@sha256:")) or image.endswith(":latest"):
            yield f"{pod.name} runs {image}"
