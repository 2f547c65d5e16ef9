/** Two views of one thing. The arrow keys go from tab to tab. */

import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";

interface TabsProps<T extends string> {
  readonly label: string;
  readonly tabs: Readonly<Record<T, string>>;
  readonly chosen: T;
  readonly onChoose: (tab: T) => void;
  /** Shows the chosen one. */
  readonly children: ComponentChildren;
}

export function Tabs<T extends string>({ label, tabs, chosen, onChoose, children }: TabsProps<T>) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const names = Object.keys(tabs) as T[];
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} ref={list}>
        {names.map((name, index) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}-${name}`}
            aria-selected={name === chosen}
            aria-controls={id}
            tabIndex={name === chosen ? 0 : -1}
            onClick={() => onChoose(name)}
            onKeyDown={({ key }) => {
              if (key !== "ArrowLeft" && key !== "ArrowRight") return;
              const step = key === "ArrowLeft" ? -1 : 1;
              const next = names.at((index + step) % names.length);
              if (next === undefined) return;
              onChoose(next);
              list.current?.querySelector<HTMLElement>(`[id="${id}-${next}"]`)?.focus();
            }}
          >
            {tabs[name]}
          </button>
        ))}
      </div>
      <div class="tab-panel" role="tabpanel" id={id} aria-labelledby={`${id}-${chosen}`}>
        {children}
      </div>
    </>
  );
}
