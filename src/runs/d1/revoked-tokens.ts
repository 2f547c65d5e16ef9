/** Which tokens of a project were revoked. A token that has only expired is not among them: what it approved counts. */

const SELECT = "SELECT id FROM revoked_tokens WHERE project = ?1 AND id IN (SELECT value FROM json_each(?2))";

/** Those of `ids` that were revoked, from D1's primary. `db`: the control database. */
export async function selectRevoked(db: D1Database, project: string, ids: readonly string[]): Promise<string[]> {
  const rows = await db.prepare(SELECT).bind(project, JSON.stringify(ids)).raw<[id: string]>();
  return rows.map(([id]) => id);
}
