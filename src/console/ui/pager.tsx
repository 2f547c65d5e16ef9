/** Links to the other pages of a list. The address holds the API's cursor. */

import { hrefOf, Link, useRoute } from "../routes/router.tsx";
import { Icon } from "./icons.tsx";

interface PagerProps {
  /** What the list holds, for the links: "actions". */
  readonly of: string;
  /** The cursor of the next page; null on the last page. */
  readonly next: string | null;
}

export function Pager({ of, next }: PagerProps) {
  const { page, query } = useRoute();
  const isFirst = !query.has("cursor");
  if (page === null || (isFirst && next === null)) return null;
  return (
    <nav class="pages" aria-label="Pages">
      <span>
        {isFirst ? null : (
          <Link class="button is-plain" href={hrefOf(page)}>
            <Icon name="previous" />
            First {of}
          </Link>
        )}
      </span>
      <span>
        {next === null ? null : (
          <Link class="button is-plain" href={hrefOf(page, new URLSearchParams({ cursor: next }))}>
            More {of}
            <Icon name="next" />
          </Link>
        )}
      </span>
    </nav>
  );
}
