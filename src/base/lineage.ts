/**
 * A token's line of parents as one text. A token's parents never change, so the line still says who made something when
 * these tokens are gone. PURE.
 */

/**
 * `/{top}/…/{parent}/{token}/`, from the token that the operator created. So what a token or one below it made has a
 * lineage that begins with the token's, and an index finds it.
 */
export function lineageOf(tokenId: string, parents: readonly string[]): string {
  return `/${[tokenId, ...parents].reverse().join("/")}/`;
}

/** SQL: whether `column` is `lineage`, or one below it. No id contains a character behind the tilde. */
export function isWithinLineage(column: string, lineage: string): string {
  return `${column} >= ${lineage} AND ${column} < ${lineage} || '~'`;
}
