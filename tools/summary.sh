#!/usr/bin/env bash
# Sums up the trx files of a test run; the last line is "N passed, N failed, N skipped".   summary.sh RESULTS PROJECT...
# Fails when a test failed, when a project ended badly, or when no test ran.
set -euo pipefail
results="$1"
shift

# results_of TRX: "OUTCOME<tab>NAME<tab>first line of the message" for each result, whatever the line breaks of the writer.
results_of() {
    awk '
        BEGIN { RS = "<UnitTestResult " }
        NR == 1 { next }
        {
            head = substr($0, 1, index($0, ">"))
            body = head ~ /\/>$/ ? "" : substr($0, 1, index($0, "</UnitTestResult>"))
            outcome = head; sub(/.*outcome="/, "", outcome); sub(/".*/, "", outcome)
            name = head; sub(/.*testName="/, "", name); sub(/".*/, "", name)
            message = ""
            if (match(body, /<Message>[^<]*/)) {
                message = substr(body, RSTART + 9, RLENGTH - 9)
                sub(/^[ \r\n]+/, "", message); sub(/[\r\n].*/, "", message)
            }
            line = outcome "\t" name "\t" message
            gsub(/&lt;/, "<", line); gsub(/&gt;/, ">", line); gsub(/&quot;/, "\"", line); gsub(/&#x[0-9A-Fa-f]*;/, " ", line); gsub(/&amp;/, "\\&", line)
            print line
        }' "$1"
}

passed=0 failed=0 skipped=0
all="$(mktemp)"
trap 'rm -f -- "$all"' EXIT
printf '\n%-32s %8s %8s %8s\n' project passed failed skipped
for name in "$@"; do
    p=0 f=0 s=0 note=""
    if [ -e "$results/$name.trx" ]; then
        read -r p f s < <(results_of "$results/$name.trx" | tee -a "$all" \
            | awk -F '\t' '$1 == "Passed" { p++ } $1 == "NotExecuted" { s++ } $1 != "Passed" && $1 != "NotExecuted" { f++ } END { print p + 0, f + 0, s + 0 }')
    fi
    # A run that broke off (a crash, a hang) fails, even where every recorded result is good.
    if [ "$(cat "$results/$name.exit" 2>/dev/null || echo 1)" -ne 0 ] && [ "$f" -eq 0 ]; then
        f=1 note="  broke off"
        printf 'Failed\t%s\tthe run broke off; its output says where\n' "$name" >>"$all"
    fi
    printf '%-32s %8d %8d %8d%s\n' "$name" "$p" "$f" "$s" "$note"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done

if [ "$skipped" -gt 0 ]; then
    printf '\nskipped:\n'
    awk -F '\t' '$1 == "NotExecuted" { print "  " $2 ": " ($3 == "" ? "no reason given" : $3) }' "$all" | sort
fi
if [ "$failed" -gt 0 ]; then
    printf '\nfailed:\n'
    awk -F '\t' '$1 != "Passed" && $1 != "NotExecuted" { print "  " $2 ": " $3 }' "$all" | sort
fi
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
