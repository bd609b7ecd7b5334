#!/bin/sh
# Submits a run to a Ray cluster whose nodes have finner-batch[ray,s3] installed (jobs/Containerfile with EXTRAS=[ray,s3]).
#
#   RAY_ADDRESS=http://head:8265 jobs/ray-submit.sh s3://filings/2025 s3://results/2025
#
# Every node must see inputs and results: use an object store, or a file system that all nodes mount. The exit code is 0 if Ray
# says that the job succeeded; `ray job logs` has the log and the summary line.
set -eu
: "${RAY_ADDRESS:?the address of the Ray dashboard, as in http://head:8265}"
[ $# -eq 2 ] || { echo "usage: $0 INPUT OUTPUT" >&2; exit 2; }
exec ray job submit --address "$RAY_ADDRESS" -- finner-batch run --engine ray --address auto --input "$1" --output "$2"
