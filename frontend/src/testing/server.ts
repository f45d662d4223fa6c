import { vi } from "vitest";

/** Answers a request with a JSON body; throws a Response to refuse. */
type Answer = (request: Request) => unknown;

export interface Requests {
  /** What was sent to "METHOD /path" so far. */
  to: (route: string) => Request[];
  /** Answers a route otherwise from now on. */
  answer: (route: string, answer: Answer) => void;
}

/** Stands in for the server behind `fetch`: routes are "METHOD /path", without the query. */
export function fakeServer(routes: Record<string, Answer>): Requests {
  const sent: { route: string; request: Request }[] = [];
  vi.stubGlobal("fetch", async (input: RequestInfo | URL, init?: RequestInit) => {
    const request = new Request(input, init);
    const route = `${request.method} ${new URL(request.url).pathname}`;
    sent.push({ route, request: request.clone() });
    const answer = routes[route];
    if (!answer) return new Response(`{"title": "no route ${route}"}`, { status: 404 });
    try {
      return Response.json(answer(request));
    } catch (refusal) {
      if (refusal instanceof Response) return refusal;
      throw refusal;
    }
  });
  return {
    to: (route) => sent.filter((each) => each.route === route).map((each) => each.request),
    answer: (route, answer) => {
      routes[route] = answer;
    },
  };
}
