# Holds survivors against the list of those that are explained.
#
#     awk -f explain.awk survivors.txt [RESULTS]
#
# A row of the list is a source, a change, and the line that it changes, with tabs between them, below the reason
# (`= `). A row without a reason, or whose line no longer stands in its source, is an error. RESULTS has a row for
# each mutant that was made: who noticed it, milliseconds, source, and `line N: ` with the change; SURVIVED stands
# for nobody, and UNTRIED for one that was not asked about. With it a survivor that is in no row is an error, and so
# is a row that no survivor is left for: a row explains one.
BEGIN { FS = "\t" }

function trimmed(line)
{
    gsub(/^[ \t]+|[ \t]+$/, "", line)
    return line
}

function read_source(name,    line, number)
{
    if (name in sources)
        return
    sources[name] = 1
    while ((getline line < name) > 0) {
        text[name, ++number] = trimmed(line)
        stands[name, trimmed(line)] = 1
    }
    close(name)
}

function wrong(what)
{
    print what
    bad = 1
}

{ is_list = FILENAME == ARGV[1] }
is_list && /^= / { reason = 1 }
is_list && NF == 3 {
    read_source($1)
    rows++
    key[rows] = $1 SUBSEP $2 SUBSEP $3
    place[rows] = "survivors.txt:" FNR
    row[rows] = $1 ": " $2 "\t" $3
    if (!reason)
        wrong(place[rows] ": without a reason: " row[rows])
    if (!(($1, $3) in stands))
        wrong(place[rows] ": its line stands there no more: " row[rows])
}
!is_list && ($1 == "SURVIVED" || $1 == "UNTRIED") {
    read_source($3)
    number = change = $4
    sub(/^line /, "", number)
    sub(/:.*/, "", number)
    sub(/^line [0-9]+: /, "", change)
    mutants++
    of[mutants] = $3 SUBSEP change SUBSEP text[$3, number + 0]
    name[mutants] = $3 "\t" change "\t" text[$3, number + 0]
    lived[mutants] = $1 == "SURVIVED"
}
END {
    if (ARGC < 3)
        exit bad
    for (i = 1; i <= rows; i++)
        free[key[i]]++
    for (pass = 1; pass >= 0; pass--) # survivors take their rows first, then those that were not tried
        for (i = 1; i <= mutants; i++) {
            if (lived[i] != pass)
                continue
            if (free[of[i]] > 0)
                free[of[i]]--
            else if (pass)
                wrong("not explained:\t" name[i])
        }
    for (i = rows; i >= 1; i--)
        if (free[key[i]] > 0) {
            free[key[i]]--
            wrong(place[i] ": is noticed, or is not made: " row[i])
        }
    exit bad
}
