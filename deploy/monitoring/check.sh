#!/usr/bin/env bash
# Checks what is in this folder with the tools that will read it: promtool, amtool (Debian: prometheus,
# prometheus-alertmanager), python3. Says what is wrong and ends with 1; prints `monitoring: checked` otherwise.
set -euo pipefail
cd "$(dirname "$0")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Runs a command; what it prints is shown only when it fails.
quietly() {
  "$@" >"$work/output" 2>&1 || { cat "$work/output" >&2; echo "failed: $*" >&2; exit 1; }
}

# Debian builds Prometheus without Kubernetes' discovery, so that one line goes; all else of the file is checked.
mkdir "$work/cluster"
cp -r prometheus/rules "$work/cluster/rules"
sed '/kubernetes_sd_configs:/d' prometheus/prometheus.yml >"$work/cluster/prometheus.yml"
quietly promtool check config --syntax-only "$work/cluster/prometheus.yml"
quietly promtool check config prometheus/prometheus.compose.yml
quietly promtool check rules prometheus/rules/*.yml
quietly promtool test rules prometheus/tests/*.yml

# Which pods are kept, and with which labels: the pods of tests/discovered say themselves what is expected of them.
for pods in prometheus/tests/discovered/*.json; do
  job=$(basename "$pods" .json)
  sed "s#kubernetes_sd_configs: .*#file_sd_configs: [{files: ['$PWD/$pods']}]#" prometheus/prometheus.yml >"$work/discovery.yml"
  promtool check service-discovery --timeout=1s "$work/discovery.yml" "$job" >"$work/targets" 2>"$work/output" ||
    { cat "$work/output" >&2; exit 1; }
  python3 - "$job" "$work/targets" <<'END'
import json, sys

job, path = sys.argv[1:]
targets, wrong = json.load(open(path)), 0
for target in targets:
    told, labels = target["discoveredLabels"], target["labels"]
    own = [f"{name}={value}" for name, value in sorted(labels.items())
           if not name.startswith("__") and name not in ("job", "instance")]
    got = " ".join([labels["__metrics_path__"], *own]) if labels else ""
    expected = told.get("__meta_expected", "")
    if got != expected or labels.get("job", job) != job:
        wrong += 1
        print(f"{job}: {told['__meta_case']}: expected '{expected}', got '{got}'", file=sys.stderr)
sys.exit(1 if wrong or not targets else 0)
END
done

for config in alertmanager/*.yml; do quietly amtool check-config "$config"; done
routes() { sed -n '/^route:/,/^receivers:/p' "$1"; }
diff <(routes alertmanager/alertmanager.yml) <(routes alertmanager/alertmanager.compose.yml) ||
  { echo "the two Alertmanagers have other routes" >&2; exit 1; }
for route in critical:at-once warning:in-working-hours; do
  got=$(amtool config routes test --config.file=alertmanager/alertmanager.yml "severity=${route%:*}" 2>/dev/null)
  [ "$got" = "${route#*:}" ] || { echo "severity ${route%:*} goes to $got" >&2; exit 1; }
done

# Every alert has its severity, its texts and its runbook, is tested to fire and to clear; no runbook is left over; every
# expression on a dashboard parses, and none but the cluster's needs Kubernetes.
python3 - "$work/panels.yml" <<'END'
import glob, json, os, re, sys

wrong = []
tests = "".join(open(path).read() for path in glob.glob("prometheus/tests/*.yml"))
names = []
for path in sorted(glob.glob("prometheus/rules/*.yml")):
    for text in re.split(r"\n      - (?=alert:)", open(path).read())[1:]:
        text = re.split(r"\n(?:  - name:|      - record:)", text)[0]
        name = re.match(r"alert: (\w+)", text)[1]
        names.append(name)
        for wanted in ("severity: (critical|warning)", "summary: .", "description: >-",
                       f'runbook_url: "{{{{ \\$externalURL }}}}/user/runbooks/{name}.md"'):
            if not re.search(wanted, text):
                wrong.append(f"{path}: {name} has no {wanted}")
        compared = re.search(r"expr: (.*?)\n        (?:for|labels):", text, re.S)
        if not compared or not re.search(r" (==|[<>]=?) [\d.e]+$", compared[1]):
            wrong.append(f"{path}: {name} does not end in a comparison with a number")
        for what, expected in (("fires", r"\n"), ("clears", r" \[\]")):
            if not re.search(rf"alertname: {name}\n +exp_alerts:{expected}", tests):
                wrong.append(f"no test shows that {name} {what}")
pages = {os.path.basename(path)[:-3] for path in glob.glob("../runbooks/*.md")} - {"README"}
wrong += [f"{name} has no runbook" for name in sorted(set(names) - pages)]
wrong += [f"the runbook {name} has no alert" for name in sorted(pages - set(names))]
listed = set(re.findall(r"- (\w+)\.md", open("../runbooks/kustomization.yml").read()))
wrong += [f"runbooks/kustomization.yml or the folder lacks {name}" for name in sorted(pages ^ listed)]
wrong += [f"the same alert twice: {name}" for name in sorted({name for name in names if names.count(name) > 1})]

rules = ["groups: [{name: panels, rules: ["]
for path in sorted(glob.glob("grafana/dashboards/*.json")):
    board = json.load(open(path))
    ids = [panel["id"] for panel in board["panels"]]
    if len(ids) != len(set(ids)):
        wrong.append(f"{path}: two panels have one id")
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"]
            if "platform" in path and re.search(r"\b(kube_|container_|node_|kubelet_|nats_)", query):
                wrong.append(f"{path}: {panel['title']} needs Kubernetes or NATS' exporter")
            for variable in ("$__rate_interval", "$namespace", "$app"):
                query = query.replace(variable, "1m" if variable == "$__rate_interval" else ".*")
            record = f"panel:{os.path.basename(path)[:-5]}:{panel['id']}{target['refId']}"
            rules.append(f"  {{record: {json.dumps(record)}, expr: {json.dumps(query)}}},")
open(sys.argv[1], "w").write("\n".join([*rules, "]}]\n"]))
print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
sys.exit(1 if wrong else 0)
END
quietly promtool check rules "$work/panels.yml"

echo "monitoring: checked"
