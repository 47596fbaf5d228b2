#!/bin/sh
# See bench.rs.
if [ "$1" = list ]; then
    if [ "$2" = --json ]; then
        echo '{"schema": "perfagent.bench-list/1", "presets": []}'
    else
        echo "model  preset"
    fi
    exit 0
fi
echo "$$ $*" >> runs
mode=training
if [ "$1" = inference ]; then
    mode=inference
    shift
fi
shift
while [ $# -gt 0 ]; do
    case "$1" in
        --preset) preset=$2 ;;
        --micro-batch | --batch) batch=$2 ;;
        --json) json=$2 ;;
    esac
    shift 2
done
say() { echo "perfagent-bench: $*" >&2; }
case "$preset" in
    slow) while [ ! -e go ]; do sleep 0.05; done ;;
    hang)
        trap '' INT TERM HUP
        echo "step 1/100  loss 2.5000  10 tokens/s" >&2
        while :; do sleep 1; done ;;
    crash) kill -9 $$ ;;
    fail) say "rank 0: the loss is not a number"; exit 1 ;;
    refuse) say "--preset refuse: is not known"; exit 2 ;;
    large)
        if [ "$batch" -gt 4 ]; then
            say "the batch does not fit in memory: --micro-batch $batch needs about 2.5 GiB a rank and 1.5 GiB are free for each of 1; --micro-batch 4 would fit"
            exit 2
        fi ;;
esac
if [ $mode = inference ]; then
    echo "request 2/2" >&2
    echo '{"schema": "perfagent.inference/1", "requests_per_s": 12.5, "output_tokens_per_s": 400.0,' \
        '"ttft_ns": {"p50": 2000000, "p99": 9000000}, "time_per_output_token_ns": {"p50": 1500000, "p99": 1600000},' \
        '"latency_ns": {"p50": 50000000, "p99": 80000000}, "prefill": {"mfu_pct": 25.0, "tokens_per_s": 5000.0},' \
        '"decode": {"bandwidth_bytes_per_s": 2.5e9}, "peak_resident_bytes": 1048576}' > "${json:-/dev/null}"
    exit 0
fi
echo "step 2/2  loss 2.0000  1000 tokens/s  MFU 50.0 %" >&2
echo '{"schema": "perfagent.bench/1", "step_p50_ns": 1500000, "tokens_per_s": 1000.0, "mfu_pct": 50.0,' \
    '"losses": [2.5, 2.0], "ranks": [{"rank": 0, "peak_resident_bytes": 1048576}]}' > "${json:-/dev/null}"
