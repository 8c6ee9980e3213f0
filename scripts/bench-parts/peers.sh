# The peers as scripts/bench talks to them: each is a process (peer_NAME.py) that waits at a pair of
# named pipes, so that rounds can alternate without a start-up in between. Sourced by scripts/bench.
# shellcheck shell=sh disable=SC2154 # variables of scripts/bench

running=

# Starts a peer; one that can't start says why and is left out.
start_peer() { # NAME ARGUMENT...
    [ -x "$peers/bin/python" ] || return 0
    peer=$1
    shift
    mkfifo "$work/$peer.ask" "$work/$peer.answer"
    converse "$peer" "$@" >"$work/$peer.log" 2>&1 &
    echo $! >"$work/$peer.shell"
    running="$running $peer"
    ask "$peer" hello || return 0
    grep -qF "$said" "$facts" || fact "${peer%-xla}" "$said"
}

# Runs the peer's program; should it end by itself, the question at hand, or the next one, is answered
# with its last words.
converse() { # NAME ARGUMENT...
    name=$1 program=$parts/peer_${1%-xla}.py
    shift
    # shellcheck disable=SC2016 # expanded by the inner shell
    sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$work/$name.pid" \
        "$peers/bin/python" "$program" "$work/$name.ask" "$work/$name.answer" "$@" || :
    exec 3<>"$work/$name.ask" 4<>"$work/$name.answer"
    echo "failed $(tail -n 1 "$work/$name.log")" >&4
    while read -r _ <&3; do :; done
}

# Asks a peer for a measure; the answer is in $said. A peer that fails is asked no more.
ask() { # NAME MEASURE
    echo "$2" >"$work/$1.ask"
    read -r said <"$work/$1.answer"
    case $said in
    failed*)
        say "$1 is left out: $2: ${said#failed }"
        end_peer "$1"
        return 1
        ;;
    esac
}

runs() { # NAME
    case "$running " in *" $1 "*) ;; *) return 1 ;; esac
}

# One measure of each of these peers that is running and not too slow to matter.
ask_round() { # MEASURE NAME...
    measure=$1
    shift
    for peer; do
        case " $slow" in *" $measure:$peer "*) continue ;; esac
        if runs "$peer" && ask "$peer" "$measure"; then record "$measure" "$network" "$peer" "$said"; fi
    done
}

# "measure:peer " of each that is slower than three quarters of the fastest peer.
slow_peers() {
    awk -F '\t' -v network="$network" '
        $2 == network && $3 ~ /keras|torch|onnx/ && $1 ~ /train|predict|single/ {
            rate = $1 == "single" ? 1 / $4 : $4
            if (rate > best[$1]) best[$1] = rate
            if (rate > mine[$1 ":" $3]) mine[$1 ":" $3] = rate
        }
        END {
            for (key in mine) {
                split(key, part, ":")
                if (mine[key] < 0.75 * best[part[1]]) printf "%s ", key
            }
        }' "$results"
}

end_peer() { # NAME
    running=$(echo "$running " | sed "s/ $1 / /; s/ \$//")
    # shellcheck disable=SC2046 # two numbers
    kill $(cat "$work/$1.shell" "$work/$1.pid") 2>/dev/null || :
    wait "$(cat "$work/$1.shell")" 2>/dev/null || :
    rm -f "$work/$1".[aps]*
}

end_peers() {
    for peer in $running; do end_peer "$peer"; done
}

# ---- those of one network ----

start_peers() {
    set -- "$parts/networks.tsv" "$network" "$work/data.npy" "$least"
    start_peer keras "$@"
    start_peer keras-xla "$@" xla
    start_peer torch "$@" "$work/network.onnx"
    if runs torch && ask torch export; then start_peer onnxruntime "$@" "$work/network.onnx"; fi
}
