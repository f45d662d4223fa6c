import { useCallback, useEffect, useRef, useState } from "react";
import { asProblem } from "@/api/problem";
import { type Answer, type AnswerEvent, ASKING, hear } from "./answer";
import { ask, type Question } from "./queries";

const LOST = "The connection was lost before the answer ended: ask again.";
const ENDS = new Set(["done", "cancelled", "refused"]);

/** One model's answer: asked for, followed on its socket, and stopped by closing that. */
export function useAnswer() {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const close = useRef<() => void>(() => {});

  const start = useCallback(async (question: Question) => {
    close.current();
    let live = true;
    let socket: WebSocket | undefined;
    const tell = (event: AnswerEvent) => live && setAnswer((old) => hear(old ?? ASKING, event));
    close.current = () => {
      live = false;
      socket?.close();
    };
    setAnswer(ASKING);
    try {
      const id = await ask(question);
      socket = new WebSocket(addressOf(id));
      if (!live) socket.close();
      follow(socket, tell);
    } catch (error) {
      const problem = asProblem(error);
      tell({ type: "refused", message: problem.errors[0]?.message ?? problem.message });
    }
  }, []);

  const stop = useCallback(() => {
    close.current();
    setAnswer((old) => old && hear(old, { type: "cancelled" }));
  }, []);

  useEffect(() => () => close.current(), []);
  return { answer, start, stop };
}

function addressOf(id: string): string {
  const url = new URL(`/ws/answers/${id}`, window.location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.toString();
}

function follow(socket: WebSocket, tell: (event: AnswerEvent) => void): void {
  let ended = false;
  socket.onmessage = (message) => {
    const event = JSON.parse(message.data as string) as AnswerEvent;
    ended = ended || ENDS.has(event.type);
    tell(event);
  };
  socket.onclose = () => {
    if (!ended) tell({ type: "refused", message: LOST });
  };
}
