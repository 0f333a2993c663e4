// A chat of the fake as a page, so that a person can look at a conversation as people have it.
import type { FakeTelegram, StoredMessage } from './fake-telegram.ts';

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

export function chatPage(telegram: FakeTelegram, chatId: number): string {
  const messages = telegram.messages.filter(
    ({ chat, isDeleted }) => chat.id === chatId && !isDeleted,
  );
  return `<!doctype html><meta charset="utf-8"><title>Chat ${chatId}</title><style>
body{margin:0;padding:16px;width:388px;background:#d5dfd0;font:15px/1.35 system-ui,sans-serif}
.m{max-width:330px;margin:0 0 8px;padding:8px 11px;border-radius:12px;background:#fff;white-space:pre-wrap;overflow-wrap:anywhere}
.me{margin-left:auto;width:fit-content;background:#e3fdd0}
img{display:block;width:100%;border-radius:8px;margin-bottom:6px}
code{color:#3a6ea5}.k{display:flex;gap:4px;max-width:352px;margin:-4px 0 4px}
.k span{flex:1;padding:7px 4px;border-radius:8px;background:#7d9a77;color:#fff;text-align:center;font-size:13px}
</style>${messages.map(bubble).join('\n')}`;
}

function bubble({ bot, media, text, entities, markup }: StoredMessage): string {
  const isPicture = media !== null && (media.kind === 'photo' || media.kind === 'animation');
  const picture = isPicture
    ? `<img src="data:image/*;base64,${Buffer.from(media.bytes).toString('base64')}" alt="">`
    : '';
  const [code] = entities.filter(({ type }) => type === 'code');
  const end = code === undefined ? 0 : code.offset + code.length;
  const words =
    code === undefined
      ? escaped(text)
      : `${escaped(text.slice(0, code.offset))}<code>${escaped(text.slice(code.offset, end))}</code>${escaped(text.slice(end))}`;
  const rows = (markup?.inline_keyboard ?? []).map(
    (row) =>
      `<div class="k">${row.map((each) => `<span>${escaped(each.text)}</span>`).join('')}</div>`,
  );
  return `<div class="m ${bot === null ? 'me' : ''}">${picture}${words}</div>${rows.join('')}`;
}
