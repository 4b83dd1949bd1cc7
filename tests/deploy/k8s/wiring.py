"""What is wrong between objects: selectors that meet nothing, references to what is not there."""

from collections.abc import Iterator

from shared.kafka import ACKNOWLEDGE_SECONDS_MAX
from tests.deploy.k8s.objects import (
    Process,
    names,
    of_kind,
    processes,
    secret_keys,
    selects,
    title,
)

OURS = {"app.kubernetes.io/part-of": "tanzhang"}
HALF_A_CPU = 500  # in thousandths
# What a statement may take (shared.database); what Kafka may, is less.
ANSWER_SECONDS_MAX = max(60.0, ACKNOWLEDGE_SECONDS_MAX)


def selectors(objects: list[dict]) -> Iterator[str]:
    """Objects that select pods of ours, and select none or not those of their own name."""
    pods = processes(objects)
    for found in of_kind(objects, "Deployment", "Service", "PodDisruptionBudget"):
        selector = found["spec"]["selector"]
        selector = {"matchLabels": selector} if found["kind"] == "Service" else selector
        met = [pod.name for pod in pods if selects(selector, pod.labels)]
        if met != [found["metadata"]["name"]]:
            yield f"{title(found)} selects {met}"
    for pod in pods:
        if not OURS.items() <= pod.labels.items():
            yield f"{pod.name} lacks the label of the whole"


def scaling(objects: list[dict]) -> Iterator[str]:
    """Deployments that two scale, or none although they could; scalers of nothing."""
    deployments = {found["metadata"]["name"]: found for found in of_kind(objects, "Deployment")}
    scalers = of_kind(objects, "HorizontalPodAutoscaler", "ScaledObject")
    targets = [found["spec"]["scaleTargetRef"]["name"] for found in scalers]
    for found, target in zip(scalers, targets, strict=True):
        if target not in deployments:
            yield f"{title(found)} scales {target}, which is not there"
        elif "replicas" in deployments[target]["spec"]:
            yield f"Deployment {target} has replicas, and {title(found)} another opinion"
    for found in of_kind(objects, "HorizontalPodAutoscaler"):
        for metric in found["spec"]["metrics"]:
            yield from _too_eager(found, metric["resource"]["target"])
    yield from (f"{name} is scaled twice" for name in set(targets) if targets.count(name) > 1)
    if scalers:
        wanted = {pod.name for pod in processes(objects) if pod.component in ("api", "worker")}
        yield from (f"nothing scales {name}" for name in sorted(wanted - set(targets)))


def _too_eager(found: dict, target: dict) -> Iterator[str]:
    """A process uses up to one CPU, its request is a tenth of that: a part of it is next to nothing."""
    value = target.get("averageValue", "0m")
    if not HALF_A_CPU <= int(value.removesuffix("m")) < 2 * HALF_A_CPU:
        yield f"{title(found)} scales at {target}"


def services(objects: list[dict]) -> Iterator[str]:
    """Services whose port is not that of the pods they select; routes to nowhere."""
    pods = {pod.name: pod for pod in processes(objects)}
    offered = {}
    for found in of_kind(objects, "Service"):
        name = found["metadata"]["name"]
        (port,) = found["spec"]["ports"]
        offered[name] = port["port"]
        if port["port"] != pods[name].ports.get(port["targetPort"]):
            yield f"Service {name}: {port} does not reach {pods[name].ports}"
    for found in of_kind(objects, "HTTPRoute"):
        for rule in found["spec"]["rules"]:
            for backend in rule["backendRefs"]:
                if offered.get(backend["name"]) != backend["port"]:
                    yield f"{title(found)} leads to {backend}, which is no Service"


def routes(objects: list[dict]) -> Iterator[str]:
    """Routes that show probes or metrics to the world, wait too short, or hang on no listener."""
    listeners = {
        (found["metadata"]["name"], listener["name"])
        for found in of_kind(objects, "Gateway")
        for listener in found["spec"]["listeners"]
    }
    certificates = {found["spec"]["secretName"] for found in of_kind(objects, "Certificate")}
    for found in of_kind(objects, "HTTPRoute"):
        parents = {(p["name"], p["sectionName"]) for p in found["spec"]["parentRefs"]}
        if not parents <= listeners:
            yield f"{title(found)} hangs on {parents - listeners}"
        paths = [m["path"]["value"] for rule in found["spec"]["rules"] for m in rule["matches"]]
        for closed in ("/livez", "/readyz", "/metrics"):
            if any(closed.startswith(path) for path in paths):
                yield f"{title(found)} shows {closed}"
        for rule in found["spec"]["rules"]:
            # Without one Envoy gives up after 15 s, in words of its own.
            patience = rule.get("timeouts", {}).get("request", "15s")
            if float(patience.removesuffix("s")) <= ANSWER_SECONDS_MAX:
                yield f"{title(found)} waits {patience} for an answer"
    for found in of_kind(objects, "Gateway"):
        for listener in found["spec"]["listeners"]:
            used = {reference["name"] for reference in listener["tls"]["certificateRefs"]}
            if not used <= certificates:
                yield f"{title(found)} uses {used - certificates}, which no Certificate makes"


def references(objects: list[dict]) -> Iterator[str]:
    """Secrets, configuration and accounts that are named and that nobody makes."""
    offered = dict(_offered(objects))
    accounts = names(objects, "ServiceAccount")
    maps = names(objects, "ConfigMap")
    for pod in processes(objects):
        for secret, key, optional in secret_keys(pod):
            if not optional and key not in offered.get(secret, ()):
                yield f"{pod.name}: nobody makes {key} of the Secret {secret}"
        if pod.spec["serviceAccountName"] not in accounts:
            yield f"{pod.name}: no ServiceAccount {pod.spec['serviceAccountName']}"
        for source in pod.container.get("envFrom", ()):
            if source["configMapRef"]["name"] not in maps:
                yield f"{pod.name}: no ConfigMap {source['configMapRef']['name']}"
        volumes = {volume["name"] for volume in pod.spec["volumes"]}
        mounted = {mount["name"] for mount in pod.container["volumeMounts"]}
        if volumes != mounted:
            yield f"{pod.name}: volumes {volumes}, mounted {mounted}"
    yield from _others(objects, offered)


def _others(objects: list[dict], offered: dict[str, set[str]]) -> Iterator[str]:
    for found in of_kind(objects, "TriggerAuthentication"):
        for wanted in found["spec"]["secretTargetRef"]:
            if wanted["key"] not in offered.get(wanted["name"], ()):
                yield f"{title(found)}: nobody makes {wanted['key']} of {wanted['name']}"
    for found in of_kind(objects, "Cluster"):
        for role in found["spec"]["managed"]["roles"]:
            if not {"username", "password"} <= offered.get(role["passwordSecret"]["name"], set()):
                yield f"{title(found)}: nobody makes the password of {role['name']}"
        for plugin in found["spec"].get("plugins", ()):
            if plugin["parameters"]["barmanObjectName"] not in names(objects, "ObjectStore"):
                yield f"{title(found)}: no store of {plugin['parameters']}"
    for found in of_kind(objects, "ObjectStore"):
        for wanted in found["spec"]["configuration"]["s3Credentials"].values():
            if wanted["key"] not in offered.get(wanted["name"], ()):
                yield f"{title(found)}: nobody makes {wanted['key']} of {wanted['name']}"


def _offered(objects: list[dict]) -> Iterator[tuple[str, set[str]]]:
    """The Secrets that there will be, with their keys: given, or made by an operator."""
    for found in objects:
        name, spec = found["metadata"]["name"], found.get("spec", {})
        match found["kind"]:
            case "Secret":
                yield name, {*found.get("data", ()), *found.get("stringData", ())}
            case "ExternalSecret":
                yield spec["target"]["name"], {entry["secretKey"] for entry in spec["data"]}
            case "KafkaUser":
                yield name, {"password", "sasl.jaas.config"}
            case "Kafka":
                yield f"{name}-cluster-ca-cert", {"ca.crt", "ca.p12", "ca.password"}
            case "Cluster":
                yield f"{name}-app", {"uri", "username", "password", "host", "port", "dbname"}


def own_secrets(objects: list[dict]) -> Iterator[str]:
    """Processes that hold another's database or Kafka user."""
    for pod in processes(objects):
        kafka = pod.service if pod.component != "webhooks" else pod.name
        for variable in pod.container.get("env", ()):
            expected = _expected(pod, variable["name"], f"{kafka}-kafka")
            given = variable.get("value") or variable["valueFrom"]["secretKeyRef"]["name"]
            if expected not in (None, given):
                yield f"{pod.name}: {variable['name']} from {given}, not {expected}"


def _expected(pod: Process, variable: str, kafka: str) -> str | None:
    """The secret or value that a variable must have; None when it is no access to anything."""
    if variable in ("KAFKA_SASL_PASSWORD", "KAFKA_SASL_USERNAME"):
        return kafka
    if not variable.endswith("_DATABASE_URL"):
        return None
    service = variable.removesuffix("_DATABASE_URL").lower()
    if pod.service == "audit":  # a role of its own, that only reads
        return f"postgresql://audit:$(AUDIT_DB_PASSWORD)@{service}-db-rw:5432/{service}"
    return f"{service}-db-app" if pod.service in (service, "migrate") else "nothing"


def monitors(objects: list[dict]) -> Iterator[str]:
    """Servers whose metrics nobody reads, or read twice, or with the label `service` overwritten."""
    services = of_kind(objects, "Service")
    seen: list[str] = []
    for found in of_kind(objects, "ServiceMonitor", "PodMonitor"):
        selector, spec = found["spec"]["selector"], found["spec"]
        if found["kind"] == "ServiceMonitor":
            met = [s["metadata"] for s in services if selects(selector, s["metadata"]["labels"])]
            seen += [service["name"] for service in met]
        else:
            met = [pod for pod in processes(objects) if selects(selector, pod.labels)]
            seen += [pod.name for pod in met]
        for endpoint in spec.get("endpoints", spec.get("podMetricsEndpoints", ())) if met else ():
            told = (endpoint["port"], endpoint["path"], endpoint["honorLabels"])
            if told != ("http", "/metrics", True):
                yield f"{title(found)}: {endpoint}"
        if met and spec["jobLabel"] != "app.kubernetes.io/part-of":
            yield f"{title(found)}: the job is not tanzhang, as alerts have it"
    if of_kind(objects, "PodMonitor"):
        servers = sorted(pod.name for pod in processes(objects) if pod.kind == "Deployment")
        if sorted(seen) != servers:
            yield f"metrics are read of {sorted(seen)}, not of {servers}"
