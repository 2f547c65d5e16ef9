/**
 * Walks runs in the order of the writes that made their events, or their ends. Such a number is fixed, and it nearly
 * always is the number of the run's last change. So `runs_by_change` has these runs in order, and a partial index has
 * only the others: an end costs no row for that. A walk merges the two.
 */

const INDEXES = { event_seq: "runs_by_event", ended_seq: "runs_by_end" } as const;

/** `bounds`: a condition on `$`, which stands for the number. `order`: behind ORDER BY seq. */
interface Walk {
  readonly bounds: string;
  readonly order?: "DESC";
  readonly limit: number;
}

/**
 * The query of a walk that looks at `limit` rows. A row has `seq` and the columns. The column `isMet` is 1 if `seq` is
 * the number of the run's event or end, and otherwise the row only takes the walk on.
 */
export function walkBy(number: keyof typeof INDEXES, columns: string, { bounds, order, limit }: Walk): string {
  const within = (column: string) => bounds.replaceAll("$", column);
  return `
    SELECT change_seq AS seq, ifnull(${number} = change_seq, 0) AS isMet, ${columns}
    FROM runs INDEXED BY runs_by_change WHERE ${within("change_seq")}
    UNION ALL
    SELECT ${number} AS seq, 1 AS isMet, ${columns}
    FROM runs INDEXED BY ${INDEXES[number]} WHERE ${number} <> change_seq AND ${within(number)}
    ORDER BY seq ${order ?? ""} LIMIT ${limit}`;
}
