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

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
dim=$'\033[2m' plain=$'\033[0m'
[ -t 1 ] || { dim='' plain=''; say() { printf '\n%s\n' "$*"; }; }
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
say "Asking it"
run ./heimnetz aethercore serve all-MiniLM-L6-v2 --text "Hello world"
say "The same over HTTP, two texts at once (numbers cut short here)"
printf '$ curl %s/serve -d '\''{"model":"all-MiniLM-L6-v2","inputs":["a cat sits on the mat","eine Katze sitzt"]}'\''\n' "$address"
curl -sS "$address/serve" -d '{"model":"all-MiniLM-L6-v2","inputs":["a cat sits on the mat","eine Katze sitzt"]}' |
    sed -E 's/(\[-?[0-9.e-]+,-?[0-9.e-]+)[^]]*\]/\1,…]/g'
echo
say "How it is"
run ./heimnetz status

say "Try it yourself"
cat <<END
  AETHERCORE_URL=$address ./heimnetz aethercore serve all-MiniLM-L6-v2 --text "your text"
  curl $address/models
  curl $address/metrics
END
if [ -t 0 ] && [ -t 1 ] && [ "${CI:-}" != true ]; then
    printf '\nThe server runs until you press Ctrl-C here. Its log: %s\n' "$log"
    wait "$server"
else
    printf '\nThe demo ends its server now; "make run" starts one that stays.\n'
fi
