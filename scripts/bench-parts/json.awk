# The results of scripts/bench as JSON: facts, and every measured value. Arguments as for report.awk.

function quoted(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    return "\"" text "\""
}

BEGIN { FS = "\t"; print "{" }
FILENAME == ARGV[1] { printf "  %s: %s,\n", quoted($1), $2 ~ /^[0-9]+(\.[0-9]+)?$/ ? $2 : quoted($2); next }
FILENAME == ARGV[4] {
    key = quoted($1) ", \"of\": " quoted($2) ", \"by\": " quoted($3)
    if (!(key in values)) order[++keys] = key
    values[key] = values[key] (values[key] == "" ? "" : ", ") ($4 + 0)
}
END {
    print "  \"results\": ["
    for (i = 1; i <= keys; i++)
        printf "    {\"figure\": %s, \"values\": [%s]}%s\n", order[i], values[order[i]], i < keys ? "," : ""
    print "  ]\n}"
}
