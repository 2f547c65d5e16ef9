/** Round trips this request has made; they explain nearly all of what it costs. */
export interface Hops {
  d1: number;
  coordinator: number;
}
