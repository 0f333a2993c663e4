// Which server answers at an address, by its own words. KoboldCPP first: it plays ComfyUI and others.

const PATIENCE_MS = 5_000;

/** `KoboldCPP`, `ComfyUI`, `whisper.cpp`, or null for any other. */
export async function identify(url: string): Promise<string | null> {
  const kobold = await ask(url, '/api/extra/version');
  if (kobold?.json?.['result'] === 'KoboldCpp') return 'KoboldCPP';
  if (/whisper\.cpp/i.test(kobold?.server ?? '')) return 'whisper.cpp';
  const comfy = await ask(url, '/system_stats');
  const system = comfy?.json?.['system'];
  if (typeof system === 'object' && system !== null && 'comfyui_version' in system)
    return 'ComfyUI';
  return null;
}

async function ask(
  url: string,
  path: string,
): Promise<{ server: string; json: Record<string, unknown> | null } | null> {
  try {
    const answer = await fetch(`${url.replace(/\/+$/, '')}${path}`, {
      signal: AbortSignal.timeout(PATIENCE_MS),
      // A pooled connection would hold one of the few threads of such servers.
      headers: { connection: 'close' },
    });
    const server = answer.headers.get('server') ?? '';
    const json: unknown = await answer.json().catch(() => null);
    const isObject = typeof json === 'object' && json !== null;
    return { server, json: isObject ? (json as Record<string, unknown>) : null };
  } catch {
    return null;
  }
}
