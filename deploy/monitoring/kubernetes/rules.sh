#!/usr/bin/env bash
# Prints the rules as PrometheusRule objects, one for each file: the files stay the only place where a rule is written.
#
#   deploy/monitoring/kubernetes/rules.sh | kubectl apply --namespace monitoring --filename -
set -euo pipefail
cd "$(dirname "$0")/../prometheus/rules"

for file in *.yml; do
  cat <<END
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: boxoffice-${file%.yml}
  labels: {app.kubernetes.io/part-of: boxoffice}
spec:
END
  sed 's/^\(.\)/  \1/' "$file"
done
