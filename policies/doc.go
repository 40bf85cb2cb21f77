// Package policies is the policy language: load, check, evaluate, explain, test and compare.
//
//	version: 1                             # first; 1 where it is left out
//	end: required                          # the last line must be "...": a cut file is then always refused
//	grace: 7d                              # of the rules of this file that name none
//	rules:
//	  - name: engineers-build              # unique over all files
//	    roles: {any: [engineer, sre], none: [contractor]}    # any / all / none; a plain list is any
//	    when: 'job.country in ["DE", "FR"]'                  # CEL over person.*, job.*, now, today
//	    grant: [gitea/eng, wiki]
//	    mode: enforce                      # observe | additive | enforce (default)
//	    grace: 14d
//	    reason: "everybody who ships code"
//	extras:    [{person: alice, grant: crm, from: 2027-01-01, until: 2027-01-31, reason: "trade fair"}]
//	blocks:    [{person: mallory, entitlement: erp/*, review: 2027-06-30, reason: "legal order 7/26"}]
//	conflicts: [{name: pay, never_both: [erp/create-payment, erp/approve-payment], keep: existing}]
//	protected: {people: [ceo], accounts: [gitea/root]}
//	tests:     [{name: an engineer, person: {roles: [engineer], country: DE}, has: [wiki], lacks: [crm]}]
//	...
//
// A block goes before a conflict before an extra before a rule. A rule must match within one job; a person with two jobs
// gets the union. What could not be seen makes an answer unknown exactly where it matters (Kleene's logic), and unknown
// never grants and never revokes. A rule that only names roles it leaves out, or only a condition, speaks of everybody else.
package policies
