/** A page that shows a list of the API. The address holds the API's cursor. */
import type { ComponentChildren, RefObject } from "preact";
import { useCallback } from "preact/hooks";
import type { List, Page } from "../../client/index.ts";
import { useKeys } from "../keys.tsx";
import { hrefOf, Link, useRoute } from "../router.tsx";
import { Icon } from "./button.tsx";
import { ErrorView, type Loaded, type LoadOptions, useLoad } from "./load.tsx";

interface LoadedPage<T> extends Loaded<Page<T>> {
  readonly isFirst: boolean;
}

/**
 * The part of the list that the address asks for. `list` must not change with each call. `filters`: the parameters of
 * the address that go to the API as they are.
 */
export function useListPage<T>(
  list: (query: object, options: { readonly signal: AbortSignal }) => List<T>,
  options?: LoadOptions<Page<T>>,
  filters: readonly string[] = [],
): LoadedPage<T> {
  const { query } = useRoute();
  const cursor = query.get("cursor") ?? undefined;
  const asked = JSON.stringify([...query].filter(([name]) => filters.includes(name)));
  const read = useCallback(
    (signal: AbortSignal) => list(Object.fromEntries(JSON.parse(asked)), { signal }).page(cursor),
    [list, asked, cursor],
  );
  return { ...useLoad(read, options), isFirst: !query.has("cursor") };
}

interface ListPageProps<T> {
  /** The heading: "Actions". */
  readonly title: string;
  /** What the list holds: "actions". */
  readonly of: string;
  readonly loaded: Loaded<Page<T>>;
  /** Beside the heading. */
  readonly button?: ComponentChildren;
  /** Below the heading. */
  readonly note?: ComponentChildren;
  /** Shows what was read. */
  readonly children: (entries: readonly T[]) => ComponentChildren;
}

export function ListPage<T>(props: ListPageProps<T>) {
  const { title, of, loaded, button, note, children } = props;
  const { data, failure, reload } = loaded;
  return (
    <div class="page">
      <div class="page-head">
        <h1>{title}</h1>
        {button}
      </div>
      {note}
      {data?.isStale ? <StaleNote /> : null}
      <ErrorView failure={failure} onRetry={reload} isBanner={data !== undefined} />
      {data === undefined ? null : children(data.entries)}
      <Pager of={of} next={data?.next ?? null} />
    </div>
  );
}

/** Beside a list that can lack the newest changes. Such a list is read again soon. */
export function StaleNote() {
  return (
    <p class="warning-box" role="status">
      The newest changes can be missing from this list. It is read again soon.
    </p>
  );
}

interface PagerProps {
  /** What the list holds, for the links: "actions". */
  readonly of: string;
  /** The cursor of the next page; null on the last page. */
  readonly next: string | null;
}

/** Links to the other pages of the list. The rest of the query stays. */
export function Pager({ of, next }: PagerProps) {
  const { page, query } = useRoute();
  const isFirst = !query.has("cursor");
  const withCursor = (cursor: string | null) => {
    const asked = new URLSearchParams(query);
    if (cursor === null) asked.delete("cursor");
    else asked.set("cursor", cursor);
    return asked;
  };
  if (page === null || (isFirst && next === null)) return null;
  return (
    <nav class="pages" aria-label="Pages">
      <span>
        {isFirst ? null : (
          <Link class="button is-plain" href={hrefOf(page, withCursor(null))}>
            <Icon name="previous" />
            First {of}
          </Link>
        )}
      </span>
      <span>
        {next === null ? null : (
          <Link class="button is-plain" href={hrefOf(page, withCursor(next))}>
            More {of}
            <Icon name="next" />
          </Link>
        )}
      </span>
    </nav>
  );
}

/* SECTION: A table with a head. In a narrow window, columns and cells of the class `is-wide` are left out. */

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

/* SECTION: The keys that go through the rows of a table. Each row has one link of the class `row-link`. */

/**
 * `j` and `k` go to the next and the previous link, from the one with the focus or else from the current one. `title`
 * and `what`, which is one row, are for the help. `around`: an element around the rows.
 */
export function useRowKeys(title: string, what: string, around: RefObject<HTMLElement | null>): void {
  function go(step: 1 | -1): void {
    const links = rowLinks(around.current);
    const current = currentLink(around.current);
    const target = current === undefined ? links[0] : links[links.indexOf(current) + step];
    target?.focus();
  }
  useKeys(title, [
    { keys: "j", label: `Next ${what}`, run: () => go(1) },
    { keys: "k", label: `Previous ${what}`, run: () => go(-1) },
    { keys: "Enter", label: `Open the ${what}` },
  ]);
}

/** The link of the row with the focus, or else of the current one. */
export function currentLink(around: HTMLElement | null): HTMLElement | undefined {
  const links = rowLinks(around);
  const focused = links.find((link) => link.closest("tr, li")?.contains(document.activeElement));
  return focused ?? links.find((link) => link.hasAttribute("aria-current"));
}

export function rowLinks(around: HTMLElement | null): readonly HTMLElement[] {
  return [...(around?.querySelectorAll<HTMLElement>("a.row-link") ?? [])];
}
