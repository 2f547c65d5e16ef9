/** A page that shows a list of the API. The address holds the API's cursor. */

import type { ComponentChildren } from "preact";
import { useCallback } from "preact/hooks";
import { hrefOf, Link, useRoute } from "../routes/router.tsx";
import { ErrorView } from "./error-view.tsx";
import { Icon } from "./icons.tsx";
import { type Loaded, type LoadOptions, useLoad } from "./load.ts";

export interface PageQuery {
  readonly cursor?: string;
}

interface Paged<T> {
  readonly page: (query: PageQuery, options: { readonly signal: AbortSignal }) => Promise<T>;
}

interface LoadedPage<T> extends Loaded<T> {
  readonly isFirst: boolean;
}

/**
 * The part of the list that the address asks for. `list` must not change with each call. `filters`: the parameters of
 * the address that go to the API as they are.
 */
export function useListPage<T>(
  list: Paged<T>,
  options?: LoadOptions<T>,
  filters: readonly string[] = [],
): LoadedPage<T> {
  const { query } = useRoute();
  const asked = JSON.stringify([...query].filter(([name]) => name === "cursor" || filters.includes(name)));
  const read = useCallback(
    (signal: AbortSignal) => list.page(Object.fromEntries(JSON.parse(asked)), { signal }),
    [list, asked],
  );
  return { ...useLoad(read, options), isFirst: !query.has("cursor") };
}

interface ListPageProps<T> {
  /** The heading: "Actions". */
  readonly title: string;
  /** What the list holds: "actions". */
  readonly of: string;
  readonly loaded: Loaded<T>;
  /** Beside the heading. */
  readonly button?: ComponentChildren;
  /** Below the heading. */
  readonly note?: ComponentChildren;
  /** Shows what was read. */
  readonly children: (data: T) => ComponentChildren;
}

/** `isStale`: the service says that the newest changes can be missing. */
type AnyPage = { readonly next: string | null; readonly isStale?: boolean };

export function ListPage<T extends AnyPage>(props: ListPageProps<T>) {
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
      {data === undefined ? null : children(data)}
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
