/** The one polite live region: what changed is read out, and a note can also be seen for some seconds. */
import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Link } from "../router.tsx";
import { Button, Icon } from "./parts.tsx";
import { contextOf } from "./stores.ts";

const SHOWN_FOR_MS = 6000;
/** Screen readers need a moment to read it before it leaves the page. */
const READ_FOR_MS = 3000;

interface Notice {
  readonly key: number;
  readonly text: string;
  readonly kind: "heard" | "note" | "problem";
  /** Of a page of the console. */
  readonly link?: { readonly href: string; readonly text: string } | undefined;
}

const [Provider, useNotices] = contextOf<ReturnType<typeof noticesIn>>("live region");

export { useNotices };

function noticesIn(setShown: (change: (all: readonly Notice[]) => readonly Notice[]) => void) {
  let lastKey = 0;
  const dismiss = (key: number) => setShown((all) => all.filter((notice) => notice.key !== key));
  function add(notice: Omit<Notice, "key">): void {
    const key = ++lastKey;
    setShown((all) => [...all, { ...notice, key }]);
    if (notice.kind === "problem" || notice.link !== undefined) return;
    setTimeout(dismiss, notice.kind === "heard" ? READ_FOR_MS : SHOWN_FOR_MS, key);
  }
  return {
    dismiss,
    /** Tells a screen reader alone. */
    announce: (text: string) => add({ text, kind: "heard" }),
    /** Shows a note, which is read out too. A problem and a link stay until they are dismissed. */
    note: (text: string, { isProblem = false, link }: { readonly isProblem?: boolean } & Pick<Notice, "link"> = {}) =>
      add({ text, kind: isProblem ? "problem" : "note", link }),
  };
}

export function NoticesProvider({ children }: { readonly children: ComponentChildren }) {
  const [shown, setShown] = useState<readonly Notice[]>([]);
  const notices = useMemo(() => noticesIn(setShown), []);
  const { dismiss } = notices;
  return (
    <Provider value={notices}>
      {children}
      <div role="status" class="notices stack">
        {shown.map(({ key, text, kind, link }) => (
          <div key={key} class={kind === "heard" ? "only-heard" : `notice row no-wrap is-${kind}`}>
            <p>
              {text}
              {link === undefined ? null : (
                <>
                  {" "}
                  <Link href={link.href} onFollow={() => dismiss(key)}>
                    {link.text}
                  </Link>
                </>
              )}
            </p>
            {kind === "heard" ? null : (
              <Button kind="quiet" aria-label="Dismiss" onClick={() => dismiss(key)}>
                <Icon name="cross" />
              </Button>
            )}
          </div>
        ))}
      </div>
    </Provider>
  );
}
