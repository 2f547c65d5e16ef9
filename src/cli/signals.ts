/** What SIGINT and SIGTERM do to a command that started something which goes on without it. */

/** The exit codes of shells: 128 and the number of the signal. */
export const INTERRUPTED = { SIGINT: 130, SIGTERM: 143 } as const;

export type Interruption = keyof typeof INTERRUPTED;

/**
 * Does `work`. A signal does not end the process meanwhile, but calls `onSignal`. Its `leave` aborts the work, and its
 * error is then thrown.
 */
export async function withSignals<T>(
  work: (signal: AbortSignal, leave: (error: unknown) => void) => Promise<T>,
  onSignal: (name: Interruption, leave: (error: unknown) => void) => void,
): Promise<T> {
  const aborter = new AbortController();
  const leave = (error: unknown) => aborter.abort(error);
  const listeners = (Object.keys(INTERRUPTED) as Interruption[]).map(
    (name) => [name, () => onSignal(name, leave)] as const,
  );
  for (const [name, listener] of listeners) process.on(name, listener);
  try {
    return await work(aborter.signal, leave);
  } catch (thrown) {
    aborter.signal.throwIfAborted();
    throw thrown;
  } finally {
    for (const [name, listener] of listeners) process.off(name, listener);
  }
}
