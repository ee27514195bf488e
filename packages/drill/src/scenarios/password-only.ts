import type { Scenario } from './scenario.ts'

export const passwordOnly: Scenario = {
  name: 'password-only',
  sentence:
    'One account has one password at a time: the database knows only the new one, and the store hands it out later.',
  succession: 'one-password',
  passwordAlone: true,
  // There is no window in which both log in: a login in between has to wait.
  timings: { overlap: 0, loadDeadline: 2_000, loginDeadline: 10_000 },
  async rotate(act) {
    const relax = await act.pressure.saturate(act.rotation)
    const next = act.next()
    await act.allow(next)
    await act.pressure.pause(act.pace.trouble)
    await act.publish(next)
    await Promise.all([act.takeUp(), relax()])
  },
}
