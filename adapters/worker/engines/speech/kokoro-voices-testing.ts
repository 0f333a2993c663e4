// The voices that a Kokoro server lists.
export const KOKORO_VOICES: readonly string[] =
  `af_alloy af_aoede af_bella af_heart af_jadzia af_jessica af_kore af_nicole af_nova af_river af_sarah af_sky af_v0 af_v0bella af_v0irulan af_v0nicole af_v0sarah af_v0sky am_adam am_echo am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa am_v0adam am_v0gurney am_v0michael bf_alice bf_emma bf_isabella bf_lily bf_v0emma bf_v0isabella bm_daniel bm_fable bm_george bm_lewis bm_v0george bm_v0lewis ef_dora em_alex em_santa ff_siwis hf_alpha hf_beta hm_omega hm_psi if_sara im_nicola jf_alpha jf_gongitsune jf_nezumi jf_tebukuro jm_kumo pf_dora pm_alex pm_santa zf_xiaobei zf_xiaoni zf_xiaoxiao zf_xiaoyi zm_yunjian zm_yunxi zm_yunxia zm_yunyang`.split(
    ' ',
  );
