# networks.tsv in other words: a line a network with its data and its architecture.
#
#     awk -v cell=gru -f networks.awk networks.tsv
#
# Prints name, kind, steps, what `data` wants as FEATURES|VOCAB and CLASSES, the architecture for
# gru-train, and the floating-point operations of one sequence forward: multiply-adds of recurrent,
# attention and dense layers, times two. Training is reckoned as three times that (backward: the
# gradients of the inputs and of the weights). cell: gru, lstm or rnn.

function add(text) { arch = arch (arch == "" ? "" : "; ") text }

BEGIN { FS = OFS = "\t"; gates["gru"] = 3; gates["lstm"] = 4; gates["rnn"] = 1 }

NR > 1 {
    width = $4; vocab = $5; outputs = $7; dropout = $8; ways = 1 + $9; attention = $10
    layers = split($6, units, ",")
    arch = ""
    if (vocab) add("embedding " vocab " " width)
    operations = 0
    for (i = 1; i <= layers; i++) {
        add(cell " " units[i] (ways > 1 ? " bidirectional" : ""))
        operations += ways * gates[cell] * units[i] * (width + units[i]) * $3
        width = units[i] * ways
        if (dropout > 0 && (i == layers || !vocab)) add("dropout " dropout)
    }
    if (attention) {
        add("attention " attention)
        operations += (width * attention + attention + width) * $3
    }
    operations += width * outputs
    add("dense " outputs (outputs > 1 ? " softmax" : vocab ? " sigmoid" : ""))
    classes = outputs > 1 ? outputs : vocab ? 2 : 0
    print $1, $2, $3, vocab ? vocab : $4, classes, arch, 2 * operations
}
