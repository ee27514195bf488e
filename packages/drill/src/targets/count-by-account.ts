/** How many sessions each account has, from the account of each session. */
export function countByAccount(sessions: ReadonlyMap<string, string>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const account of sessions.values()) counts.set(account, (counts.get(account) ?? 0) + 1)
  return counts
}
