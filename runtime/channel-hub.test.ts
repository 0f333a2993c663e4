import { channelConformance } from './channel-conformance.ts';
import { ChannelHub } from './channel-hub.ts';

const hub = new ChannelHub();
channelConformance({ channel: () => hub.channel(), cut: null });
