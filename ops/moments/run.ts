// Every moment for every subject, one after the other, on one scene.
import sharp from 'sharp';
import { comfyScene } from './comfy-scene.ts';
import { MOMENTS, SUBJECTS, type Moment, type Subject } from './moments.ts';
import { play } from './play.ts';
import { setScene } from './scene.ts';

export interface Row {
  readonly moment: string;
  readonly subject: Subject;
  readonly end: string;
  readonly attempts: number;
  readonly faults: readonly string[];
  readonly freedMs: number | null;
}

export interface RunOptions {
  readonly folder: string;
  /** Which of them; all where nothing is said. */
  readonly isWanted?: (subject: Subject, moment: Moment) => boolean;
  readonly said: (row: Row) => void;
}

export async function runMoments({ folder, isWanted, said }: RunOptions): Promise<readonly Row[]> {
  const scene = await setScene(folder, await comfyScene());
  const rows: Row[] = [];
  try {
    const grey = { width: 64, height: 64, channels: 3 as const, background: '#808080' };
    const picture = await sharp({ create: grey }).png().toBuffer();
    for (const [n, moment] of MOMENTS.entries()) {
      const client = scene.personOf(1 + n);
      for (const subject of SUBJECTS) {
        // Already called off: a second time would be no news.
        if (subject === 'person' && moment.isCancelled) continue;
        if (isWanted?.(subject, moment) === false) continue;
        const { id } = await client.uploadBlob(new Uint8Array(picture), 'image/png');
        const { job, faults, freedMs } = await play({ ...scene, client }, subject, moment, id);
        const name = moment.nth === 1 ? moment.name : `${moment.name} (${moment.nth})`;
        const row = {
          moment: name,
          subject,
          end: job.state,
          attempts: job.attempt,
          faults,
          freedMs,
        };
        rows.push(row);
        said(row);
      }
    }
  } finally {
    await scene.close();
  }
  return rows;
}
