/** The one polite live region: what changed is read out, and a note can also be seen for some seconds. */
import type { ComponentChildren } from "preact";
import { useCallback, useMemo, useState } from "preact/hooks";
import { Link } from "../router.tsx";
import { Button, Icon } from "./parts.tsx";
import { contextOf } from "./stores.ts";

const SHOWN_FOR_MS = 6000;
/** Screen readers need a moment to read it before it leaves the page. */
const READ_FOR_MS = 3000;

interface Notices {
  /** Tells a screen reader alone. */
  readonly announce: (text: string) => void;
  /** Shows a note, which is read out too. A problem and a link stay until they are dismissed. */
  readonly note: (text: string, options?: NoteOptions) => void;
}

interface NoteOptions {
  readonly isProblem?: boolean;
  /** A page of the console. */
  readonly link?: NoticeLink;
}

interface NoticeLink {
  readonly href: string;
  readonly text: string;
}

interface Notice {
  readonly link: NoticeLink | undefined;
  readonly key: number;
  readonly text: string;
  readonly kind: "heard" | "note" | "problem";
}

export const [Provider, useNotices] = contextOf<Notices>("live region");

export function NoticesProvider({ children }: { readonly children: ComponentChildren }) {
  const [shown, setShown] = useState<readonly Notice[]>([]);
  const dismiss = useCallback((key: number) => {
    setShown((all) => all.filter((notice) => notice.key !== key));
  }, []);
  const notices = useMemo(() => {
    let lastKey = 0;
    function add(text: string, kind: Notice["kind"], link?: NoticeLink): void {
      lastKey++;
      const key = lastKey;
      setShown((all) => [...all, { key, text, kind, link }]);
      if (kind !== "problem" && link === undefined)
        setTimeout(dismiss, kind === "heard" ? READ_FOR_MS : SHOWN_FOR_MS, key);
    }
    return {
      announce: (text: string) => add(text, "heard"),
      note: (text: string, { isProblem = false, link }: NoteOptions = {}) =>
        add(text, isProblem ? "problem" : "note", link),
    };
  }, [dismiss]);
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
