/** A table with a head. In a narrow window, columns and cells of the class `is-wide` are left out. */

import type { ComponentChildren, RefObject } from "preact";

/** The text of the head and its classes. `isOnlyHeard`: the text is only for screen readers. */
export type Column = readonly [text: string, classes?: string, isOnlyHeard?: boolean];

interface TableProps {
  /** The accessible name. */
  readonly label: string;
  readonly class?: string;
  readonly columns: readonly Column[];
  readonly tableRef?: RefObject<HTMLTableElement | null> | null;
  /** The rows. */
  readonly children: ComponentChildren;
}

export function Table({ label, class: classes = "", columns, tableRef = null, children }: TableProps) {
  return (
    <table ref={tableRef} class={`table ${classes}`} aria-label={label}>
      <thead>
        <tr>
          {columns.map(([text, column, isOnlyHeard]) => (
            <th key={text} scope="col" class={column}>
              {isOnlyHeard ? <span class="only-heard">{text}</span> : text}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}
