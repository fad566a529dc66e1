#!/usr/bin/env bash
# Sums up the trx files of a test run; the last line is "N passed, N failed, N skipped".   summary.sh RESULTS PROJECT...
# Fails when a test failed, when a project ended badly, or when no test ran.
set -euo pipefail
results="$1"
shift

passed=0 failed=0 skipped=0
reasons=""
printf '\n%-32s %8s %8s %8s\n' project passed failed skipped
for name in "$@"; do
    trx="$results/$name.trx"
    p=0 f=0 s=0
    if [ -e "$trx" ]; then
        # One result per line, whatever the line breaks of the writer.
        lines="$(tr '\n' ' ' < "$trx" | sed 's/<UnitTestResult /\n&/g' | grep '^<UnitTestResult ' || true)"
        p="$(grep -c 'outcome="Passed"' <<< "$lines" || true)"
        s="$(grep -c 'outcome="NotExecuted"' <<< "$lines" || true)"
        f="$(grep -c -E 'outcome="(Failed|Error|Timeout|Aborted)"' <<< "$lines" || true)"
        reasons+="$(grep 'outcome="NotExecuted"' <<< "$lines" \
            | sed -E 's/.*testName="([^"]*)".*(<Message>|<StdOut>)([^<]*)<.*/  \1: \3/; t; s/.*testName="([^"]*)".*/  \1/' || true)"
        [ "$s" -gt 0 ] && reasons+=$'\n'
    fi
    # A run that broke off (a crash, a hang) fails, even where every recorded result is good.
    if [ "$(cat "$results/$name.exit" 2>/dev/null || echo 1)" -ne 0 ] && [ "$f" -eq 0 ]; then
        f=1
        name+=" (broke off)"
    fi
    printf '%-32s %8d %8d %8d\n' "$name" "$p" "$f" "$s"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done

if [ "$skipped" -gt 0 ]; then
    printf '\nskipped:\n%s' "$reasons" | sed 's/&gt;/>/g; s/&lt;/</g; s/&quot;/"/g; s/&amp;/\&/g'
fi
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ $((passed + failed)) -gt 0 ]
