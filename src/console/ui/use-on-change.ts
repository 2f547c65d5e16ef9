/** What follows when a value becomes another. The first value is no change. */
import { useEffect, useRef } from "preact/hooks";

export function useOnChange<T>(value: T, follow: (before: T) => void): void {
  const last = useRef(value);
  useEffect(() => {
    const before = last.current;
    last.current = value;
    if (before !== value) follow(before);
  }, [value]);
}
