# SPDX-License-Identifier: GPL-2.0-or-later
# cli/help/id_help.awk: what the man pages say of each id of a message, and the first
# message of the files behind them that has it, as rows for cli/help/id_help.c.

# A row of the table may be of several ids.
function flush_id(	i, k, ids) {
	k = text == "" ? 0 : split(id, ids, /, /)
	for (i = 1; i <= k; i++) {
		if (ids[i] in meaning)
			continue
		meaning[ids[i]] = text
		page[ids[i]] = in_page
		order[++n] = ids[i]
	}
	id = text = ""
}

function plain(s) {
	gsub(/\\_/, "\001", s)
	gsub(/\\\*/, "\002", s)
	while (match(s, /[0-9A-Za-z]_[0-9A-Za-z]/))	# part of a name
		s = substr(s, 1, RSTART) "\001" substr(s, RSTART + 2)
	gsub(/[_*\\]/, "", s)
	gsub(/\001/, "_", s)
	gsub(/\002/, "*", s)
	return s
}

function quoted(s) {
	gsub(/\\/, "&&", s)
	gsub(/"/, "\\\"", s)
	gsub(/\n/, "\\n", s)
	return "\"" s "\""
}

function keep_example() {
	if (shown != "" && !(shown in example))
		example[shown] = lines
	shown = lines = ""
}

FNR == 1 {
	flush_id()
	keep_example()
	is_page = FILENAME ~ /\.scd$/
	in_page = FILENAME ~ /yaml/ ? "ctpolicy.yaml(5)" : "ctpolicy(8)"
}

is_page && /^\|  CT[0-9, CT]*$/ {
	flush_id()
	id = substr($0, 4)
	next
}
is_page && id != "" && /^:  / {
	text = plain(substr($0, 4))
	next
}
is_page && id != "" && /^   / {
	text = text " " plain(substr($0, 4))
	next
}
is_page {
	flush_id()
	next
}

# of a message that everybody can read
/[^ -~]/ {
	shown = lines = ""
	next
}
/(error|warning|note): .*\[CT[0-9][0-9][0-9]\]$/ {
	keep_example()
	shown = substr($0, length($0) - 5, 5)
	lines = "    " $0 "\n"
	next
}
shown != "" && (/^ *[0-9]* \|/ || /^  help: /) {
	lines = lines "    " $0 "\n"
	next
}
{
	keep_example()
}

END {
	flush_id()
	keep_example()
	for (i = 1; i <= n; i++)
		printf "{ \"%s\", \"%s\", %s, %s },\n", order[i],
			page[order[i]], quoted(meaning[order[i]]),
			order[i] in example ? quoted(example[order[i]]) : "NULL"
}
