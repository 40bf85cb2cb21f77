#!/bin/sh
# An example of a plug-in: a program whose accounts are a JSON file. Needs jq and flock.
#
#	{"entitlements": ["read", "write"], "accounts": {"ann": {"active": true, "entitlements": ["read"]}}}
set -eu

# Every change: the file and a call go in; the answer comes out, and behind it the file as it is then, if it changed.
change='
def answer($o; $more): {jsonrpc: "2.0", id: $call.id, result: ({outcome: $o} + $call.params + $more)};
def already: answer("already"; {});
def refused($why): answer("refused"; {reason: $why});
def done: answer("done"; {}), .;
($call.params.account) as $a | ($call.params.entitlement) as $e | .accounts[$a] as $account |
if $call.method == "grant" then
  if $account == null then refused("there is no such account")
  elif (.entitlements | index([$e])) == null then refused("there is no such right")
  elif ($account.entitlements | index([$e])) != null then already
  else .accounts[$a].entitlements += [$e] | done end
elif $call.method == "revoke" then
  if $account == null or ($account.entitlements | index([$e])) == null then already
  else .accounts[$a].entitlements -= [$e] | done end
else
  ($call.method == "resume") as $on |
  if $account == null then (if $on then refused("there is no such account") else already end)
  elif $account.active == $on then already
  else .accounts[$a].active = $on | done end
end'

list='
(.accounts | to_entries[] | {jsonrpc: "2.0", method: "account", params: {of: $call.id, account:
  {id: .key, active: .value.active, entitlements: .value.entitlements}}}),
{jsonrpc: "2.0", id: $call.id, result: {complete: true, accounts: (.accounts | length)}}'

# reply RESULT: a filter of jq makes the answer to the call.
reply() {
	printf '%s' "$call" | jq -c "{jsonrpc: \"2.0\", id, $1}"
}

# make the change that was asked for. Nobody else is let in meanwhile; the new file is there whole or not at all.
make() {
	exec 9>"$path.lock"
	flock 9
	jq -c --argjson call "$call" "$change" "$path" >"$path.answer"
	{
		IFS= read -r answer
		if IFS= read -r data; then
			printf '%s\n' "$data" >"$path.new"
			mv "$path.new" "$path"
		fi
	} <"$path.answer"
	exec 9>&-
	printf '%s\n' "$answer"
}

while IFS= read -r call; do
	case $(printf '%s' "$call" | jq -r .method) in
	describe) reply 'result: {protocol: 1, name: "team", version: "1", accounts: true, catalogue: true}' ;;
	open)
		path=$(printf '%s' "$call" | jq -r .params.config.path)
		reply 'result: {identity: ("team:" + .params.config.path)}'
		;;
	entitlements) jq -c --argjson call "$call" '{jsonrpc: "2.0", id: $call.id, result: {entitlements}}' "$path" ;;
	holdings) jq -c --argjson call "$call" "$list" "$path" ;;
	grant | revoke | suspend | resume) make ;;
	*) reply 'error: {code: -32601, message: "there is no such method"}' ;;
	esac
done
