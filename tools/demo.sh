#!/usr/bin/env bash
# make demo: the main job, shown. Starts the model server on a free port of this machine, loads all-MiniLM-L6-v2, asks it
# something, and ends the server again: on a terminal when you say so, otherwise at once.
set -eu
cd "$(dirname "$0")/.."
bin=build/release/bin
log=build/demo.log
port=8001
if (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null; then
    port=0 # somebody listens there already; leave them alone
fi

dim=$'\033[2m' bold=$'\033[1m' plain=$'\033[0m'
if [ ! -t 1 ] || [ -n "${NO_COLOR:-}" ] || [ "${TERM:-dumb}" = dumb ]; then
    dim='' bold='' plain=''
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
run() {
    local words='' word
    for word in "$@"; do
        case $word in *' '*) word="\"$word\"" ;; esac
        words="$words $word"
    done
    printf '%s$%s%s\n' "$dim" "$words" "$plain"
    "$@"
}

"$bin/aethercore" --port "$port" --models build/models --set log.format=logfmt 2>"$log" &
server=$!
stop() { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; }
trap stop EXIT
trap 'exit 0' INT TERM

address=
for _ in $(seq 200); do
    address=$(sed -n 's/.*server\.ready.*address=\([^ ]*\).*/\1/p' "$log")
    [ -n "$address" ] && break
    kill -0 "$server" 2>/dev/null || { cat "$log"; exit 1; }
    sleep 0.02
done
[ -n "$address" ] || { echo "the server did not get ready; its log:"; cat "$log"; exit 1; }
export AETHERCORE_URL=$address

say "AetherCore runs at $address"
run ./heimnetz aethercore models
say "Loading a real model: all-MiniLM-L6-v2, 91 MB of weights"
run ./heimnetz aethercore load all-MiniLM-L6-v2
say "Asking it for a vector, and how near two texts are to a third"
run ./heimnetz aethercore serve all-MiniLM-L6-v2 --text "Hello world"
run ./heimnetz aethercore serve all-MiniLM-L6-v2 --task similarity --query "a cat sits on the mat" \
    --text "a kitten rests on the rug" --text "the bank raised its rates"

say "Over HTTP: several questions at once, each with a status of its own (numbers cut short here)"
batch='{"requests":[{"id":"a","model":"all-MiniLM-L6-v2","inputs":"one"},{"id":"b","model":"no-such-model","inputs":"two"}]}'
printf '%s$ curl %s/serve/batch -d '\''%s'\''%s\n' "$dim" "$address" "$batch" "$plain"
curl -sS "$address/serve/batch" -d "$batch" | sed -E 's/(\[-?[0-9.e-]+,-?[0-9.e-]+)[^]]*\]/\1,…]/g; s/},\{/},\n {/g'

say "Over a WebSocket: each output as soon as it is there (1,000 texts, first and last frames)"
run tools/demo_stream.py "$address" all-MiniLM-L6-v2 1000

say "How it is"
run ./heimnetz status

tries() {
    say "Try it yourself"
    [ "$1" = http://127.0.0.1:8001 ] || printf '  export AETHERCORE_URL=%s\n' "$1"
    printf '  %-66s %s\n' "$1" "in a browser: models, progress, a box to try them" \
        './heimnetz aethercore serve all-MiniLM-L6-v2 --text "your text"' "" "$1/docs" "the whole interface, to read and to try"
}

if [ -t 0 ] && [ -t 1 ] && [ "${CI:-}" != true ]; then
    tries "$address"
    printf '\nThe server runs until you press Ctrl-C here; use another terminal. Its log: %s\n' "$log"
    wait "$server"
else
    tries http://127.0.0.1:8001
    printf '\nThe demo ends its server now; "./heimnetz up --models build/models" starts one that stays.\n'
fi
