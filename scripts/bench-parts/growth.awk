# What scripts/bench --growth measured, as tables of time per row, step and operation: a column that
# rises from top to bottom grows faster than its data. Arguments as for report.awk.

function least(figure, size, who) {
    return (figure, size, who) in best ? best[figure, size, who] : ""
}

function number(x) { return sprintf(x >= 100 ? "%.0f" : x >= 1 ? "%.2f" : "%.4f", x) }

function header(title, columns, parts, i, n, text) {
    n = split(columns, parts, "|")
    for (i = 1; i <= n; i++) text = text "|---"
    printf "\n## %s\n\n| %s |\n%s|\n", title, columns, text
}

# Of each tool, the figure times scale, over the rows when `each`.
function rows_table(title, figure, scale, each, i, t, n, tool, text) {
    n = split("tokenize clean scale window split train predict eval", tool, " ")
    text = "rows"
    for (t = 1; t <= n; t++) text = text " | " tool[t]
    header(title, text)
    for (i = 1; i <= count["rows"]; i++) {
        text = size["rows", i]
        for (t = 1; t <= n; t++)
            text = text " | " number(scale * least(figure, size["rows", i], tool[t]) / (each ? size["rows", i] : 1))
        print "| " text " |"
    }
}

function steps_table(i, s) {
    header("Time per row and step, ns (gru 32 on 8 features)", "steps | training | predicting 256 | predicting one")
    for (i = 1; i <= count["steps"]; i++) {
        s = size["steps", i]
        printf "| %d | %s | %s | %s |\n", s, number(1e9 * least("steps", s, "train") / (512 * s)), number(1e9 * least("steps", s, "predict") / (512 * s)), number(1e9 * least("steps", s, "single") / s)
    }
}

function units_table(i, u, operations) {
    header("Time per operation, ps (20 steps of 16 features), and share of peak", "units | training | share | predicting 256 | share | predicting one | share")
    for (i = 1; i <= count["units"]; i++) {
        u = size["units", i]
        operations = 2 * 3 * u * (16 + u) * 20 + 2 * u
        printf "| %d | %s | %s | %s |\n", u, per_operation("train", u, 512 * 3 * operations), per_operation("predict", u, 512 * operations), per_operation("single", u, operations)
    }
}

function per_operation(who, u, operations, each) {
    each = least("units", u, who) / operations
    return sprintf("%s | %.0f %%", number(1e12 * each), 100 / (each * peak * 1e9))
}

BEGIN { FS = "\t" }
FILENAME == ARGV[1] { fact[$1] = $2; key[++facts] = $1; next }
FILENAME != ARGV[4] { next }
$1 == "peak" { if ($4 > peak) peak = $4; next }
{
    if ($1 != "memory" && !(($1, $2) in seen)) { seen[$1, $2] = 1; size[$1, ++count[$1]] = $2 }
    if (!(($1, $2, $3) in best) || $4 < best[$1, $2, $3]) best[$1, $2, $3] = $4
}
END {
    print "# How time grows"
    print ""
    for (i = 1; i <= facts; i++) print "- " key[i] ": " fact[key[i]]
    printf "- multiply-adds of the machine: %.0f GFLOP/s\n", peak
    rows_table("Processor time per row, µs (whole processes, start-up included)", "rows", 1e6, 1)
    rows_table("Peak memory, MiB", "memory", 1, 0)
    steps_table()
    units_table()
}
