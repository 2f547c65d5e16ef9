/** What an invariant throws that does not hold. */

export class Violation extends Error {}

export function fail(message: string): never {
  throw new Violation(message);
}
