# The results of scripts/bench as tables.
#
#     awk -f report.awk FACTS networks.tsv NETWORKS RESULTS
#
# FACTS: key, value. NETWORKS: the cell and a line of networks.awk. RESULTS: figure, network, by whom,
# value; there are several of each, whose median is shown.

function median(figure, network, who, key, n, i, j, v, t) {
    key = figure SUBSEP network SUBSEP who
    n = count[key]
    if (!n) return ""
    for (i = 1; i <= n; i++) {
        t = value[key, i]
        for (j = i - 1; j > 0 && v[j] > t; j--) v[j + 1] = v[j]
        v[j + 1] = t
    }
    return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

function number(x) {
    return x == "" ? "-" : sprintf(x >= 100 ? "%.0f" : x >= 10 ? "%.1f" : x >= 0.01 ? "%.3f" : "%.5f", x)
}

function ratio(a, b) { return a == "" || b == "" || b == 0 ? "-" : sprintf("%.2f", a / b) }
function share(network, who, cell, rate) {
    rate = median("train", network, who)
    return rate == "" ? "-" : sprintf("%.0f %%", 100 * 3 * operations[cell, network] * rate / (peak * 1e9))
}

function larger(a, b) { return a == "" || (b != "" && b > a) ? b : a }
function fastest(figure, network) {
    return larger(larger(median(figure, network, "keras"), median(figure, network, "keras-xla")), median(figure, network, "torch"))
}

function row(text) { print "| " text " |" }
function rule(columns, text) {
    for (text = "|"; columns > 0; columns--) text = text "---|"
    print text
}

function header(title, columns, parts) {
    printf "\n## %s\n\n", title
    row(columns)
    rule(split(columns, parts, "|"))
}

function training(i, n, best) {
    header("Training, sequences/s", "network | gru | Keras | Keras XLA | PyTorch | × fastest | wanted | share of peak | gru MiB | Keras MiB | PyTorch MiB")
    for (i = 1; i <= networks; i++) {
        n = name[i]
        if (median("train", n, "gru") == "") continue
        best = fastest("train", n)
        row(n " | " number(median("train", n, "gru")) " | " number(median("train", n, "keras")) " | " number(median("train", n, "keras-xla")) " | " number(median("train", n, "torch")) " | " ratio(median("train", n, "gru"), best) " | " train_target[n] " | " share(n, "gru", "gru") " | " number(median("memory", n, "gru")) " | " number(median("memory", n, "keras")) " | " number(median("memory", n, "torch")))
    }
}

# What ONNX Runtime does too. Where the export failed, PyTorch itself stands in.
function beside_onnxruntime(figure, title, against, target, i, n, peer) {
    header(title, "network | gru | ONNX Runtime | PyTorch | Keras | " against " ONNX Runtime, or PyTorch | wanted")
    for (i = 1; i <= networks; i++) {
        n = name[i]
        if (median(figure, n, "gru") == "") continue
        peer = median(figure, n, "onnxruntime") == "" ? "torch" : "onnxruntime"
        row(n " | " number(median(figure, n, "gru")) " | " number(median(figure, n, "onnxruntime")) " | " number(median(figure, n, "torch")) " | " number(median(figure, n, "keras")) " | " ratio(median(figure, n, "gru"), median(figure, n, peer)) " | " target[n])
    }
}

function variants(i, n, gru) {
    header("Training otherwise, sequences/s", "network | gru | AVX2 | of AVX-512 (≥ 0.45) | one thread | × by all threads (two: ≥ 1.7) | LSTM, share of peak | tanh RNN, share of peak")
    for (i = 1; i <= networks; i++) {
        n = name[i]
        if (median("train", n, "lstm") == "") continue
        gru = median("train", n, "gru")
        row(n " | " number(gru) ", " share(n, "gru", "gru") " | " number(median("train", n, "avx2")) " | " ratio(median("train", n, "avx2"), gru) " | " number(median("train", n, "one-thread")) " | " ratio(gru, median("train", n, "one-thread")) " | " number(median("train", n, "lstm")) ", " share(n, "lstm", "lstm") " | " number(median("train", n, "rnn")) ", " share(n, "rnn", "rnn"))
    }
}

function process_row(what, peer, wanted, ours, theirs) {
    ours = median("seconds", what, "gru")
    theirs = median("seconds", what, "peer")
    if (ours != "")
        row(what " | " number(1e3 * ours) " | " number(median("process", what, "gru")) " | " (theirs == "" ? "-" : number(1e3 * theirs) " (" peer ")") " | " ratio(theirs, ours) " | " wanted)
}

function processes() {
    header("Processes and tables", "what | gru ms | gru MiB | peer ms | × peer | wanted")
    process_row("predict one sentence", "", "≤ 10 ms, ≤ 40 MiB")
    process_row("tokenize the reviews", "Keras's Tokenizer", "≥ 15 ×")
    process_row("read the reviews", "pandas", "≥ 1 ×")
    process_row("read numbers", "pandas", "≥ 1 ×")
    if (median("memory", "stock", "gru") != "")
        row("gru-train stock, " fact["rows"] " windows | - | " number(median("memory", "stock", "gru")) " | - | - | ≤ 60 MiB")
    if (median("size", "all tools and libgru", "gru") != "")
        row("all tools and libgru, stripped | " number(median("size", "all tools and libgru", "gru")) " MB | - | - | - | ≤ 2 MB")
}

BEGIN { FS = "\t" }
FILENAME == ARGV[1] { fact[$1] = $2; key[++facts] = $1; next }
FILENAME == ARGV[2] {
    if (FNR > 1) { name[++networks] = $1; train_target[$1] = $11; predict_target[$1] = $12; single_target[$1] = "≤ " $13 }
    next
}
FILENAME == ARGV[3] { operations[$1, $2] = $8; next }
$1 == "peak" && $4 > peak { peak = $4 }
{ value[$1, $2, $3, ++count[$1, $2, $3]] = $4 }
END {
    print "# How fast gru is"
    print ""
    for (i = 1; i <= facts; i++) print "- " key[i] ": " fact[key[i]]
    printf "- multiply-adds of the machine: %.0f GFLOP/s\n", peak
    training()
    beside_onnxruntime("predict", "Prediction at batch 256, sequences/s", "×", predict_target)
    beside_onnxruntime("single", "One sequence, ms", "of the time of", single_target)
    variants()
    processes()
}
