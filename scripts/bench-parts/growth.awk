# What scripts/bench --growth measured, as tables of time per row, step and operation. A column whose
# last line, the most over the least of those above, is far from 1 does not grow as its data do, or was
# measured while the machine did something else. Arguments as for report.awk.

function least(figure, size, who) {
    return (figure, size, who) in best ? best[figure, size, who] : ""
}

function number(x) { return x == "" ? "-" : sprintf(x >= 100 ? "%.0f" : x >= 1 ? "%.2f" : "%.4f", x) }

function header(title, columns, parts, i, n, text) {
    n = split(columns, parts, "|")
    for (i = 1; i <= n; i++) text = text "|---"
    printf "\n## %s\n\n| %s |\n%s|\n", title, columns, text
    columns_noted = 0
}

# A cell whose column's most and least are kept.
function noted(column, x) {
    if (x != "" && (column > columns_noted)) { high[column] = low[column] = x; columns_noted = column }
    if (x != "" && x > high[column]) high[column] = x
    if (x != "" && x < low[column]) low[column] = x
    return number(x)
}

function spread(gap, text, c) {
    text = "most / least"
    for (c = 1; c <= columns_noted; c++) text = text " | " sprintf("%.2f", high[c] / low[c]) gap
    print "| " text " |"
}

function cells(label, figure, rows, n, t, text) {
    text = label
    for (t = 1; t <= n; t++) text = text " | " number(least(figure, rows, tool[t]))
    return "| " text " |"
}

# What is left of `rows` without the time of the fewest rows, so without the start of the process.
function beyond(rows, who, first) {
    first = size["rows", 1]
    return 1e6 * (least("rows", rows, who) - least("rows", first, who)) / (rows - first)
}

function rows_tables(i, t, n, names, text, rows) {
    n = split("tokenize clean scale window split train tiny stock predict eval", tool, " ")
    for (t = 1; t <= n; t++) names = names " | " tool[t]
    header("Processor time per row, µs", "rows" names)
    for (i = 1; i <= count["rows"]; i++) {
        rows = size["rows", i]
        text = i == 1 ? "the first " rows ", and start-up" : "from there to " rows
        for (t = 1; t <= n; t++)
            text = text " | " (i == 1 ? number(1e6 * least("rows", rows, tool[t]) / rows) : i == 2 && count["rows"] > 2 ? number(beyond(rows, tool[t])) : noted(t, beyond(rows, tool[t])))
        print "| " text " |"
    }
    spread()
    print "\nThe whole process: user and kernel, its files included. train is gru 16 on 10 steps; tiny, gru 1, and"
    print "stock are on the 60 steps of window. The last line leaves out the few milliseconds of the first two."
    header("Peak memory, MiB", "rows" names)
    for (i = 1; i <= count["rows"]; i++) print cells(size["rows", i], "memory", size["rows", i], n)
}

function steps_table(i, s) {
    header("Time per row and step, ns (gru 32 on 8 features)", "steps | training | predicting 256 | predicting one")
    for (i = 1; i <= count["steps"]; i++) {
        s = size["steps", i]
        printf "| %d | %s | %s | %s |\n", s, noted(1, 1e9 * least("steps", s, "train") / (512 * s)), noted(2, 1e9 * least("steps", s, "predict") / (512 * s)), noted(3, 1e9 * least("steps", s, "single") / s)
    }
    spread()
}

function units_table(i, u, operations) {
    header("Time per operation, ps (20 steps of 16 features), and share of peak", "units | training | share | predicting 256 | share | predicting one | share")
    for (i = 1; i <= count["units"]; i++) {
        u = size["units", i]
        operations = 2 * 3 * u * (16 + u) * 20 + 2 * u
        printf "| %d | %s | %s | %s |\n", u, per_operation(1, "train", u, 512 * 3 * operations), per_operation(2, "predict", u, 512 * operations), per_operation(3, "single", u, operations)
    }
    spread(" | ")
}

function per_operation(column, who, u, operations, each) {
    each = least("units", u, who) / operations
    return sprintf("%s | %.0f %%", noted(column, 1e12 * each), 100 / (each * peak * 1e9))
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
    rows_tables()
    steps_table()
    units_table()
}
