#!/usr/bin/env bash
# make demo: the main job, shown. Starts the model server on a port of this machine, loads an encoder and, where llama.cpp
# was built, a language model, asks them something, and ends the server again: on a terminal when you say so, otherwise at
# once.
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
# Prints a command as one would type it, in lines that fit a terminal of 80 columns, and runs it.
run() {
    local line='$' option='' word
    for word in "$@"; do
        case $word in
        --*) option="$word " && continue ;; # stays with its value
        *' '*) word="\"$word\"" ;;
        esac
        word=$option$word option=''
        if [ $((${#line} + ${#word})) -gt 76 ]; then
            printf '%s%s \\%s\n' "$dim" "$line" "$plain"
            line='   '
        fi
        line="$line $word"
    done
    printf '%s%s%s\n' "$dim" "$line" "$plain"
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

model=all-MiniLM-L6-v2
say "AetherCore runs at $address; these models are here"
run ./heimnetz aethercore models

say "Loading $model from Hugging Face's own files, by its name"
events=build/demo-events.txt
curl -sSN "$address/models/$model/events" >"$events" &
watcher=$!
trap 'kill "$watcher" 2>/dev/null || true; stop' EXIT
for _ in $(seq 100); do
    [ -s "$events" ] && break
    sleep 0.01
done
run ./heimnetz aethercore load "$model"
kill "$watcher" && wait "$watcher" 2>/dev/null || true
printf '%s$ curl -N %s/models/%s/events%s\n' "$dim" "$address" "$model" "$plain"
sed -nE 's/^data: .*"state":"([a-z]+)".*"done_bytes":([0-9]+),"total_bytes":([0-9]+).*/\1 \2 \3/p' "$events" | awk '
    $1 != state { state = $1; next_share = 0; if ($3 == 0 || state != "loading") print "  " state }
    state == "loading" && $3 > 0 && $2 / $3 >= next_share { printf "  %-8s %5.1f of %.1f MB\n", state, $2 / 1e6, $3 / 1e6; next_share = $2 / $3 + 0.2 }'

say "Asking it for a vector, and how near two texts are to a third"
run ./heimnetz aethercore serve "$model" --text "Hello world"
run ./heimnetz aethercore serve "$model" --task similarity --query "a cat sits on the mat" \
    --text "a kitten rests on the rug" --text "the bank raised its rates"

say "Several questions in one request, each with a status of its own (cut short)"
requests='{"requests":[
    {"id":"a","model":"'$model'","inputs":"one"},
    {"id":"b","model":"no-such-model","inputs":"two"}]}'
printf '%s$ curl %s/serve/batch -d '\''%s'\''%s\n' "$dim" "$address" "$requests" "$plain"
curl -sS "$address/serve/batch" -d "$requests" | sed -E 's/(\[-?[0-9.e-]+,-?[0-9.e-]+)[^]]*\]/\1,…]/g
    s/"results":\[/&\n  /; s/\},(\{"id")/},\n  \1/g; s/,("(outputs|usage|timing|error)":)/,\n   \1/g; s/,("(message|param)":)/,\n    \1/g'

say "Over a WebSocket: 1,000 texts, each vector as soon as it is there; and a cancel"
run tools/demo_stream.py "$address" "$model" 1000

language=gemma-3-270m
if [ -f build/release/lib/aether/llama.so ] && [ -d "build/models/$language" ]; then
    say "A language model: $language, which goes on with texts (it is no chat model)"
    run ./heimnetz aethercore load "$language"
    run ./heimnetz aethercore serve "$language" --parameter max_tokens=16 --parameter temperature=0 \
        --text "The capital of France is"

    say "The same in OpenAI's words, and what it must look like"
    form='{
  "model":"'$language'","max_tokens":60,"temperature":0,
  "messages":[{"role":"user","content":"The largest city of Japan:"}],
  "response_format":{"type":"json_schema","json_schema":{"name":"city",
    "schema":{"type":"object","additionalProperties":false,
      "required":["city","population"],
      "properties":{"city":{"type":"string","maxLength":20},
        "population":{"type":"integer","minimum":1000}}}}}}'
    printf '%s$ curl %s/v1/chat/completions -d '\''%s'\''%s\n' "$dim" "$address" "$form" "$plain"
    curl -sS "$address/v1/chat/completions" -d "$form" | sed -nE 's/.*"content":("([^"\\]|\\.)*").*/\1/p'

    say "Four at once, each as it is made"
    run ./heimnetz bench "$language" --concurrency 4 --requests 4 --max-tokens 24
fi

say "How it is"
run ./heimnetz status

# $1: where the server is; $2: what starts it, when it does not run.
tries() {
    say "Try it yourself"
    [ "$1" = http://127.0.0.1:8001 ] || [ -n "$2" ] || printf '  export AETHERCORE_URL=%s\n' "$1"
    [ -z "$2" ] || printf '  %s\n' "$2"
    printf '  %s\n' "./heimnetz aethercore serve $model --text \"your text\"" \
        "curl $1/serve -d '{\"inputs\":[\"one\",\"two\"]}'" \
        "./heimnetz aethercore pull cross-encoder/ms-marco-MiniLM-L6-v2"
    printf "\n  %-27s  %s\n" "$1" "in a browser: models, live, and a box to try"
    printf '  %-27s  %s\n' "$1/docs" "the whole interface, to read and to try"
}

if [ -t 0 ] && [ -t 1 ] && [ "${CI:-}" != true ]; then
    tries "$address" ""
    printf '\n%s\n%s\n' "The server runs until you press Ctrl-C; use another terminal." "Its log: $log"
    wait "$server"
else
    tries http://127.0.0.1:8001 "./heimnetz up --models build/models"
    printf '\nThe demo ends its server now; the first of these starts one that stays.\n'
fi
