/** The numbers of the databases in which environments live. They can be more or fewer than those that are bound. */

/** Seeks the next number in the index, so its cost does not depend on how many environments there are. */
export const NUMBERS_IN_USE = `
  WITH RECURSIVE used (number) AS (
    SELECT min(database) FROM environments
    UNION ALL
    SELECT (SELECT min(database) FROM environments WHERE database > used.number) FROM used
    WHERE used.number IS NOT NULL
  )
  SELECT number FROM used WHERE number IS NOT NULL`;

export async function numbersInUse(control: D1Database): Promise<readonly number[]> {
  const rows = await control.prepare(NUMBERS_IN_USE).raw<[number: number]>();
  return rows.map(([number]) => number);
}
