#include "models/digit_strokes.h"

#include <array>

namespace atelier::detail {
namespace {

using Stroke = std::span<const PenPoint>;

// 0: a closed ring, one that overlaps where it closes, one left open.
constexpr PenPoint kZeroRing[] = {{.52F, .02F}, {.2F, .16F},  {.06F, .5F},  {.2F, .86F}, {.5F, .98F},
                                  {.82F, .84F}, {.95F, .48F}, {.82F, .15F}, {.5F, .02F}};
constexpr PenPoint kZeroOverlap[] = {{.68F, .08F}, {.35F, .05F}, {.08F, .36F}, {.1F, .76F}, {.42F, .98F},
                                     {.8F, .8F},   {.94F, .4F},  {.76F, .08F}, {.5F, .0F},  {.36F, .1F}};
constexpr PenPoint kZeroOpen[] = {{.4F, .04F},  {.14F, .24F}, {.06F, .6F}, {.24F, .92F}, {.58F, .97F},
                                  {.88F, .74F}, {.93F, .36F}, {.76F, .1F}, {.56F, .05F}};
constexpr Stroke kZero1[] = {kZeroRing};
constexpr Stroke kZero2[] = {kZeroOverlap};
constexpr Stroke kZero3[] = {kZeroOpen};
constexpr WritingStyle kZero[] = {{kZero1, .8F, 3}, {kZero2, .75F, 2}, {kZero3, .7F, 1}};

// 1: a bare line, with an upstroke, with upstroke and base.
constexpr PenPoint kOneLine[] = {{.5F, .0F}, {.5F, .5F}, {.5F, 1.F}};
constexpr PenPoint kOneFlag[] = {{.12F, .26F}, {.6F, .0F}, {.6F, .0F}, {.58F, .5F}, {.58F, 1.F}};
constexpr PenPoint kOneBase[] = {{.15F, 1.F}, {.95F, .98F}};
constexpr Stroke kOne1[] = {kOneLine};
constexpr Stroke kOne2[] = {kOneFlag};
constexpr Stroke kOne3[] = {kOneFlag, kOneBase};
constexpr WritingStyle kOne[] = {{kOne1, .3F, 5}, {kOne2, .42F, 2}, {kOne3, .55F, 1}};

// 2: a corner at the foot, a loop at the foot, a swan's neck.
constexpr PenPoint kTwoCorner[] = {{.1F, .24F},  {.32F, .02F}, {.72F, .05F}, {.84F, .3F}, {.52F, .66F},
                                   {.06F, .96F}, {.06F, .96F}, {.5F, .95F},  {.95F, .93F}};
constexpr PenPoint kTwoLoop[] = {{.1F, .2F},   {.4F, .01F},  {.78F, .12F}, {.76F, .4F},  {.42F, .78F},
                                 {.14F, .97F}, {.05F, .85F}, {.24F, .75F}, {.55F, .92F}, {.98F, .88F}};
constexpr PenPoint kTwoSwan[] = {{.2F, .18F},  {.42F, .0F},  {.72F, .1F},  {.7F, .38F},  {.4F, .7F},
                                 {.08F, .93F}, {.08F, .93F}, {.36F, .84F}, {.66F, .96F}, {.95F, .84F}};
constexpr Stroke kTwo1[] = {kTwoCorner};
constexpr Stroke kTwo2[] = {kTwoLoop};
constexpr Stroke kTwo3[] = {kTwoSwan};
constexpr WritingStyle kTwo[] = {{kTwo1, .75F, 3}, {kTwo2, .85F, 3}, {kTwo3, .75F, 1}};

// 3: two bows, a flat top, a small loop at the waist.
constexpr PenPoint kThreeBows[] = {{.12F, .13F}, {.48F, .0F},  {.82F, .17F}, {.68F, .41F}, {.36F, .48F},
                                   {.36F, .48F}, {.74F, .56F}, {.88F, .78F}, {.56F, .99F}, {.08F, .88F}};
constexpr PenPoint kThreeFlat[] = {{.1F, .03F}, {.86F, .02F}, {.86F, .02F}, {.44F, .4F}, {.44F, .4F},
                                   {.8F, .52F}, {.88F, .78F}, {.52F, 1.F},  {.08F, .87F}};
constexpr PenPoint kThreeLoop[] = {{.16F, .1F},  {.52F, .0F},  {.8F, .18F},  {.6F, .42F}, {.36F, .52F},
                                   {.34F, .43F}, {.62F, .48F}, {.86F, .72F}, {.6F, .97F}, {.1F, .94F}};
constexpr Stroke kThree1[] = {kThreeBows};
constexpr Stroke kThree2[] = {kThreeFlat};
constexpr Stroke kThree3[] = {kThreeLoop};
constexpr WritingStyle kThree[] = {{kThree1, .7F, 4}, {kThree2, .7F, 1}, {kThree3, .7F, 2}};

// 4: open on top, closed, rounded.
constexpr PenPoint kFourHook[] = {{.2F, .03F}, {.08F, .52F}, {.08F, .52F}, {.5F, .52F}, {.96F, .48F}};
constexpr PenPoint kFourStem[] = {{.76F, .04F}, {.72F, .5F}, {.68F, 1.F}};
constexpr PenPoint kFourClosed[] = {{.68F, .0F},  {.36F, .34F}, {.04F, .64F},
                                    {.04F, .64F}, {.5F, .64F},  {.98F, .62F}};
constexpr PenPoint kFourClosedStem[] = {{.68F, .0F}, {.68F, .5F}, {.66F, 1.F}};
constexpr PenPoint kFourRound[] = {{.14F, .06F}, {.1F, .38F},  {.32F, .55F}, {.66F, .46F},
                                   {.84F, .05F}, {.84F, .05F}, {.78F, .5F},  {.72F, 1.F}};
constexpr Stroke kFour1[] = {kFourHook, kFourStem};
constexpr Stroke kFour2[] = {kFourClosed, kFourClosedStem};
constexpr Stroke kFour3[] = {kFourRound};
constexpr WritingStyle kFour[] = {{kFour1, .72F, 4}, {kFour2, .75F, 2}, {kFour3, .66F, 2}};

// 5: in one go, hat set on afterwards, like an S.
constexpr PenPoint kFiveOne[] = {{.9F, .03F},  {.26F, .05F}, {.26F, .05F}, {.18F, .44F}, {.18F, .44F},
                                 {.58F, .38F}, {.86F, .64F}, {.62F, .95F}, {.08F, .93F}};
constexpr PenPoint kFiveBody[] = {{.26F, .06F}, {.18F, .44F}, {.18F, .44F}, {.52F, .37F},
                                  {.84F, .6F},  {.74F, .9F},  {.36F, 1.F},  {.06F, .88F}};
constexpr PenPoint kFiveHat[] = {{.26F, .06F}, {.58F, .05F}, {.96F, .01F}};
constexpr PenPoint kFiveRound[] = {{.92F, .04F}, {.5F, .04F},  {.22F, .2F}, {.36F, .43F},
                                   {.7F, .55F},  {.78F, .78F}, {.5F, .98F}, {.08F, .92F}};
constexpr Stroke kFive1[] = {kFiveOne};
constexpr Stroke kFive2[] = {kFiveBody, kFiveHat};
constexpr Stroke kFive3[] = {kFiveRound};
constexpr WritingStyle kFive[] = {{kFive1, .72F, 3}, {kFive2, .78F, 3}, {kFive3, .72F, 1}};

// 6: a bow into the loop, a straight back, a loop that closes on itself.
constexpr PenPoint kSixBow[] = {{.74F, .03F}, {.34F, .2F},  {.1F, .58F}, {.2F, .92F}, {.56F, .98F},
                                {.84F, .78F}, {.66F, .53F}, {.36F, .6F}, {.16F, .8F}};
constexpr PenPoint kSixStraight[] = {{.6F, .0F},   {.32F, .36F}, {.12F, .72F}, {.28F, .98F}, {.66F, .96F},
                                     {.84F, .74F}, {.62F, .55F}, {.3F, .66F},  {.18F, .84F}};
constexpr PenPoint kSixCurl[] = {{.56F, .0F}, {.22F, .3F}, {.08F, .7F},  {.34F, .98F}, {.74F, .9F},
                                 {.8F, .62F}, {.5F, .5F},  {.26F, .68F}, {.42F, .82F}};
constexpr Stroke kSix1[] = {kSixBow};
constexpr Stroke kSix2[] = {kSixStraight};
constexpr Stroke kSix3[] = {kSixCurl};
constexpr WritingStyle kSix[] = {{kSix1, .66F, 3}, {kSix2, .62F, 3}, {kSix3, .66F, 1}};

// 7: plain, with a bar, with a serif and a bent leg.
constexpr PenPoint kSevenPlain[] = {{.06F, .07F}, {.5F, .06F}, {.92F, .03F},
                                    {.92F, .03F}, {.64F, .5F}, {.44F, 1.F}};
constexpr PenPoint kSevenBar[] = {{.32F, .52F}, {.88F, .48F}};
constexpr PenPoint kSevenSerif[] = {{.08F, .24F}, {.1F, .05F},  {.1F, .05F}, {.5F, .08F},
                                    {.92F, .04F}, {.92F, .04F}, {.6F, .42F}, {.5F, 1.F}};
constexpr Stroke kSeven1[] = {kSevenPlain};
constexpr Stroke kSeven2[] = {kSevenPlain, kSevenBar};
constexpr Stroke kSeven3[] = {kSevenSerif};
constexpr WritingStyle kSeven[] = {{kSeven1, .68F, 4}, {kSeven2, .72F, 2}, {kSeven3, .68F, 1}};

// 8: an S that comes back, two rings, open on top.
constexpr PenPoint kEightLace[] = {{.72F, .1F}, {.44F, .0F},  {.2F, .18F},  {.44F, .44F}, {.78F, .72F},
                                   {.5F, .99F}, {.16F, .78F}, {.46F, .48F}, {.76F, .24F}, {.66F, .06F}};
constexpr PenPoint kEightUpper[] = {{.5F, .47F}, {.2F, .36F}, {.22F, .1F}, {.5F, .0F},
                                    {.78F, .1F}, {.8F, .36F}, {.5F, .47F}};
constexpr PenPoint kEightLower[] = {{.5F, .47F}, {.14F, .62F}, {.14F, .9F}, {.5F, 1.F},
                                    {.86F, .9F}, {.86F, .62F}, {.5F, .47F}};
constexpr PenPoint kEightOpen[] = {{.8F, .12F},  {.48F, .02F}, {.2F, .2F},  {.48F, .46F}, {.76F, .74F},
                                   {.46F, .98F}, {.16F, .76F}, {.46F, .5F}, {.7F, .32F},  {.9F, .08F}};
constexpr Stroke kEight1[] = {kEightLace};
constexpr Stroke kEight2[] = {kEightUpper, kEightLower};
constexpr Stroke kEight3[] = {kEightOpen};
constexpr WritingStyle kEight[] = {{kEight1, .66F, 4}, {kEight2, .64F, 2}, {kEight3, .68F, 1}};

// 9: a straight leg, a bent leg, a leg set on afterwards.
constexpr PenPoint kNineStraight[] = {{.8F, .16F},  {.5F, .0F},   {.14F, .18F}, {.2F, .44F}, {.54F, .48F},
                                      {.82F, .14F}, {.82F, .14F}, {.76F, .5F},  {.66F, 1.F}};
constexpr PenPoint kNineBent[] = {{.8F, .2F},   {.5F, .02F},  {.16F, .2F}, {.24F, .46F}, {.58F, .46F},
                                  {.82F, .18F}, {.82F, .18F}, {.84F, .6F}, {.62F, .96F}, {.2F, .94F}};
constexpr PenPoint kNineRing[] = {{.78F, .1F},  {.42F, .0F},  {.12F, .22F},
                                  {.26F, .48F}, {.64F, .42F}, {.8F, .12F}};
constexpr PenPoint kNineLeg[] = {{.84F, .04F}, {.78F, .5F}, {.76F, 1.F}};
constexpr Stroke kNine1[] = {kNineStraight};
constexpr Stroke kNine2[] = {kNineBent};
constexpr Stroke kNine3[] = {kNineRing, kNineLeg};
constexpr WritingStyle kNine[] = {{kNine1, .62F, 4}, {kNine2, .64F, 2}, {kNine3, .62F, 2}};

constexpr std::array<std::span<const WritingStyle>, 10> kDigits{kZero, kOne, kTwo,   kThree, kFour,
                                                                kFive, kSix, kSeven, kEight, kNine};

}  // namespace

std::span<const WritingStyle> writing_styles(int digit) {
  return kDigits.at(static_cast<std::size_t>(digit));
}

}  // namespace atelier::detail
